"""The craft: truth, estimate, controller and motors put together, one fixed step at a time.

Knows how a wanted motion becomes movement; must not know modes, missions or MAVLink. Local vectors are north, east, up in
metres from the place where the craft was put.
"""

import enum
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from agent.core.geo import LatLon, LocalFrame
from simulator.vehicle.battery import Battery, Pack
from simulator.vehicle.control import Controller, yaw_rate_towards
from simulator.vehicle.dynamics import GRAVITY_M_S2, Body, Drive, power_w
from simulator.vehicle.parameters import Parameters
from simulator.vehicle.sensors import Sensors
from simulator.vehicle.trajectory import Limits, Reference, Vector
from simulator.vehicle.wind import Wind

HOVER_THROTTLE: Final = 0.37
_PAD_RADIUS_M: Final = 1.5
_GROUND_STEP_M: Final = 0.2
_SPIN_RAD_S: Final = 8.0
_TOUCHDOWN_S: Final = 1.8  # resting this long with a descent wanted counts as landed

Ground = Callable[[LatLon], float | None]
"""Height of the ground, m AMSL, or None where it is unknown."""


class Motion(enum.Enum):
    """What the controller does in a step."""

    IDLE = "motors at idle"
    FOLLOW = "follow the reference"
    CLIMB = "hold the reference's height, level"
    THRUST = "thrust by the stick, level"


class Phase(enum.Enum):
    """What EXTENDED_SYS_STATE tells."""

    GROUND = 1
    AIR = 2
    TAKEOFF = 3
    LANDING = 4


@dataclass(frozen=True, slots=True)
class Place:
    """Where the craft was put: position, altitude AMSL in metres, heading in degrees."""

    latlon: LatLon
    alt_amsl_m: float
    heading_deg: float


class Craft:
    """The airframe with its sensors, battery and position controller."""

    def __init__(self, place: Place, parameters: Parameters, seed: int, gps_lock_s: float, ground: Ground | None) -> None:
        self.place = place
        self.parameters = parameters
        self.frame = LocalFrame(place.latlon)
        self.body = Body(math.radians(place.heading_deg))
        self.wind = Wind(seed)
        self.sensors = Sensors(seed, self.frame, gps_lock_s)
        self.battery = Battery(1.0, parameters["SIM_BATT_VOLTAGE"], parameters["SIM_AIR_TEMP_C"])
        self.reference = Reference()
        self.controller = Controller()
        self.drive = Drive()
        self.time_s = 0.0
        self.armed = False
        self.armed_at_s = 0.0
        self.flown_s = 0.0
        self.landed = True
        self.phase = Phase.GROUND
        self.motion = Motion.IDLE
        self.thrust = 0.0  # 0..1, used by Motion.THRUST
        self.home: Vector | None = None
        self.yaw_target = self.body.yaw
        self.yaw_rate: float | None = None  # rad/s, wins over the target
        self.look_at: Vector | None = None  # region of interest, wins over the target
        self.speed_m_s: float | None = None  # DO_CHANGE_SPEED
        self.landing_target: Vector | None = None  # where a landing shall end, if a sensor sees that
        self.impact_m_s: float | None = None
        self._ground = ground
        self._rested_s = 0.0
        self._ground_seen: Vector = (math.inf, math.inf, 0.0)

    # -- places ----------------------------------------------------------------------------------------------------------

    def vector_of(self, place: LatLon, alt_amsl_m: float) -> Vector:
        """A place as a local vector."""
        local = self.frame.to_local(place)
        return (local.north_m, local.east_m, alt_amsl_m - self.place.alt_amsl_m)

    def latlon_of(self, vector: Vector) -> LatLon:
        """The place of a local vector."""
        return self.frame.to_latlon(vector[0], vector[1])

    def alt_amsl_m(self, vector: Vector) -> float:
        """Altitude of a local vector above mean sea level."""
        return vector[2] + self.place.alt_amsl_m

    @property
    def home_up_m(self) -> float:
        """Home's height in the local frame; the start's before home is set."""
        return self.home[2] if self.home else 0.0

    def position(self) -> Vector:
        """The estimate."""
        return self.sensors.estimate(self.body)

    def velocity(self) -> Vector:
        """The estimate, m/s."""
        return (self.body.v_north, self.body.v_east, self.body.v_up)

    def height_rel_m(self) -> float:
        """Estimated height above home."""
        return self.position()[2] - self.home_up_m

    def ground_up_m(self) -> float:
        """True height of the ground below, in the local frame; read again each few decimetres of way."""
        body, (north_m, east_m, up_m) = self.body, self._ground_seen
        if math.hypot(body.north_m - north_m, body.east_m - east_m) > _GROUND_STEP_M:
            up_m = self.ground_up_at((body.north_m, body.east_m, 0.0))
            self._ground_seen = (body.north_m, body.east_m, up_m)
        return up_m

    def ground_up_at(self, place: Vector) -> float:
        """True height of the ground at a place: the pad near the start, else the terrain."""
        if self._ground is None or math.hypot(place[0], place[1]) <= _PAD_RADIUS_M:
            return 0.0
        height_amsl_m = self._ground(self.frame.to_latlon(place[0], place[1]))
        return 0.0 if height_amsl_m is None else height_amsl_m - self.place.alt_amsl_m

    # -- flying ----------------------------------------------------------------------------------------------------------

    def limits(self) -> Limits:
        """Speeds and accelerations that the parameters and DO_CHANGE_SPEED allow now."""
        values = self.parameters
        speed = self.speed_m_s if self.speed_m_s is not None else values["WPNAV_SPEED"] / 100.0
        return Limits(
            speed=max(speed, 0.2),
            up=max(values["WPNAV_SPEED_UP"] / 100.0, 0.1),
            down=max(values["WPNAV_SPEED_DN"] / 100.0, 0.1),
            accel=max(values["WPNAV_ACCEL"] / 100.0, 0.5),
            accel_z=max(values["WPNAV_ACCEL_Z"] / 100.0, 0.5),
            jerk=max(values["WPNAV_JERK"], 0.5),
            jerk_z=max(values["PSC_JERK_Z"], 1.0),
            jerk_turn=max(values["PSC_JERK_XY"], 1.0),
        )

    def rebase(self) -> None:
        """Starts the reference from where the craft is, unless it already follows it."""
        if self.motion is not Motion.FOLLOW:
            velocity = self.velocity()
            self.reference.reset(self.position(), velocity)
            if self.landed:
                self.controller.reset()

    def arm(self) -> None:
        """Motors at idle; home moves here."""
        self.armed, self.armed_at_s = True, self.time_s
        self.home = self.position()
        self.motion = Motion.IDLE
        self.controller.reset()

    def disarm(self) -> None:
        """Motors off."""
        self.armed = False
        self.motion = Motion.IDLE
        self.landed = self.landed or self.body.on_ground
        self.phase = Phase.GROUND if self.landed else Phase.AIR

    def step(self, dt_s: float) -> None:
        """Advances controller, body, air, battery and sensors by dt; the motion and the reference are set before."""
        body, values = self.body, self.parameters
        self.time_s += dt_s
        ground_up_m = self.ground_up_m()
        air = (body.v_north - self.wind.north_m_s, body.v_east - self.wind.east_m_s)
        height_m = body.up_m - ground_up_m
        self.wind.step(
            dt_s, values["SIM_WIND_SPD"], values["SIM_WIND_DIR"], values["SIM_WIND_TURB"], height_m, math.hypot(*air)
        )
        self._control(dt_s)
        body.step(dt_s, self.drive, (self.wind.north_m_s, self.wind.east_m_s, self.wind.up_m_s), ground_up_m)
        self.impact_m_s = body.impact_m_s
        self._rest(dt_s)
        self._power(dt_s)
        self.sensors.step(dt_s, self.time_s, values)
        if self.armed and not self.landed:
            self.flown_s += dt_s

    def read_faults(self) -> None:
        """Takes the motor faults from the parameters: SIM_ENGINE_FAIL is a mask, SIM_ENGINE_MUL what thrust is left."""
        failed = (int(self.parameters["SIM_ENGINE_FAIL"]) & 0xF).bit_count()
        lost = failed * (1.0 - min(max(self.parameters["SIM_ENGINE_MUL"], 0.0), 1.0))
        # Without one of four motors the opposite one cannot be used either.
        self.body.lift_loss = max(1.0 - 0.5 * lost, 0.0)

    def _control(self, dt_s: float) -> None:
        drive = self.drive
        drive.acc_north = drive.acc_east = drive.lift = 0.0
        drive.tilt_max_rad = math.radians(self.parameters["ANGLE_MAX"] / 100.0)
        drive.yaw_rate = self._yaw_rate()
        if not self.armed or self.motion is Motion.IDLE:
            return
        if self.motion is Motion.FOLLOW:
            self.controller.follow(dt_s, self.reference, self.position(), self.velocity(), drive)
        elif self.motion is Motion.CLIMB:
            self.controller.hold_climb(dt_s, self.reference, self.position()[2], self.body.v_up, drive)
        else:
            drive.lift = GRAVITY_M_S2 * self.thrust / HOVER_THROTTLE
        if self.battery.charge <= 0.0:
            drive.lift = 0.0
        if self.body.lift_loss < 1.0:
            drive.yaw_rate = _SPIN_RAD_S * (1.0 - self.body.lift_loss)  # a lost motor leaves its torque unbalanced

    def _yaw_rate(self) -> float:
        if self.yaw_rate is not None:
            return self.yaw_rate
        if self.look_at is not None:
            here = self.position()
            return yaw_rate_towards(math.atan2(self.look_at[1] - here[1], self.look_at[0] - here[0]), self.body.yaw)
        return yaw_rate_towards(self.yaw_target, self.body.yaw)

    def _rest(self, dt_s: float) -> None:
        """Lift-off and touch-down."""
        if not self.body.on_ground:
            self._rested_s = 0.0
            self.landed = False
            return
        if not self.landed and self.drive.lift < GRAVITY_M_S2 * 1.02:
            self._rested_s += dt_s
            if self._rested_s >= _TOUCHDOWN_S:
                self.landed = True
                self.phase = Phase.GROUND
                self.controller.reset()

    def _power(self, dt_s: float) -> None:
        values = self.parameters
        capacity_ah = values["SIM_BATT_CAP_AH"] or values["BATT_CAPACITY"] / 1000.0
        pack = Pack(
            max(capacity_ah, 0.05), values["SIM_BATT_VOLTAGE"], max(values["SIM_BATT_RES_OHM"], 0.0), values["SIM_AIR_TEMP_C"]
        )
        charger_a = values["SIM_CHARGE_A"] if self.landed and not self.armed else 0.0
        if (wanted_pc := values["SIM_BATT_SET_PC"]) >= 0.0:
            self.battery.set_charge(wanted_pc / 100.0, values["BATT_CAPACITY"])
            values.set("SIM_BATT_SET_PC", -1.0)
        self.battery.step(dt_s, pack, power_w(self.body, values["SIM_HOVER_W"], armed=self.armed), charger_a)
