"""What the drone says of itself, in SI units, grouped as it arrives.

Each group carries ``at_s``, the event loop's time when it was heard, so that every reader can judge its age. A group that was
never heard is None: unknown is not zero.
"""

from dataclasses import dataclass, field, fields
from enum import StrEnum
from operator import attrgetter
from typing import Self

from agent.core.geo import LatLon
from agent.domain.camera import Camera, Capture, GimbalControl


class FlightMode(StrEnum):
    """Flight modes that differ for the agent; each autopilot's own modes map onto them."""

    UNKNOWN = "unknown"
    MANUAL = "manual"  # a pilot's sticks fly: stabilize, loiter, altitude hold, position …
    HOLD = "hold"  # stays where it is by itself: brake, hold
    GUIDED = "guided"  # flies to targets that the agent sends
    MISSION = "mission"  # flies the uploaded mission: AUTO, MISSION
    RETURN = "return"
    LAND = "land"


class LandedState(StrEnum):
    """EXTENDED_SYS_STATE.landed_state."""

    UNKNOWN = "unknown"
    ON_GROUND = "on_ground"
    IN_AIR = "in_air"
    TAKING_OFF = "taking_off"
    LANDING = "landing"


class GpsFix(StrEnum):
    """GPS_RAW_INT.fix_type, as far as it matters here."""

    NONE = "none"
    FIX_2D = "2d"
    FIX_3D = "3d"
    DGPS = "dgps"
    RTK_FLOAT = "rtk_float"
    RTK_FIXED = "rtk_fixed"


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """HEARTBEAT of the autopilot."""

    at_s: float
    mode: FlightMode
    armed: bool
    custom_mode: int
    failsafe: bool  # system_status CRITICAL or EMERGENCY


@dataclass(frozen=True, slots=True)
class Position:
    """GLOBAL_POSITION_INT. Velocity is north, east, down in m/s; heading from true north."""

    at_s: float
    boot_ms: int
    place: LatLon
    alt_amsl_m: float
    alt_rel_m: float
    velocity_ned_m_s: tuple[float, float, float]
    heading_deg: float | None


@dataclass(frozen=True, slots=True)
class LocalPosition:
    """LOCAL_POSITION_NED: metres and m/s north, east, down of the estimator's own origin."""

    at_s: float
    boot_ms: int
    ned_m: tuple[float, float, float]
    velocity_ned_m_s: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Attitude:
    """ATTITUDE: aerospace Euler angles, degrees, body (forward right down) against north east down."""

    at_s: float
    boot_ms: int
    roll_deg: float
    pitch_deg: float
    yaw_deg: float


@dataclass(frozen=True, slots=True)
class Gimbal:
    """GIMBAL_DEVICE_ATTITUDE_STATUS: camera axis against the horizon; yaw against true north."""

    at_s: float
    boot_ms: int
    roll_deg: float
    pitch_deg: float
    yaw_deg: float
    device: tuple[int, int] = (1, 0)  # component, gimbal id


@dataclass(frozen=True, slots=True)
class Battery:
    """SYS_STATUS and BATTERY_STATUS. remaining is 0..1, None where the autopilot does not estimate it."""

    at_s: float
    voltage_v: float
    current_a: float | None
    remaining: float | None
    consumed_mah: float | None = None
    temperature_c: float | None = None
    cell_spread_v: float | None = None


@dataclass(frozen=True, slots=True)
class Gps:
    """GPS_RAW_INT."""

    at_s: float
    fix: GpsFix
    satellites: int | None
    hdop: float | None


@dataclass(frozen=True, slots=True)
class Estimator:
    """EKF_STATUS_REPORT (ArduPilot) or ESTIMATOR_STATUS (PX4)."""

    at_s: float
    position_good: bool
    largest_variance: float  # test ratio, 1 is the limit of most autopilots


@dataclass(frozen=True, slots=True)
class SystemHealth:
    """SYS_STATUS sensor bits."""

    at_s: float
    prearm_good: bool | None  # None: the autopilot has no such bit
    unhealthy: tuple[str, ...]  # names of sensors present and enabled but not healthy
    load: float  # 0..1


@dataclass(frozen=True, slots=True)
class Home:
    """HOME_POSITION."""

    at_s: float
    place: LatLon
    alt_amsl_m: float


@dataclass(frozen=True, slots=True)
class MissionProgress:
    """MISSION_CURRENT and MISSION_ITEM_REACHED, in indices of the uploaded plan (see ``domain.mission``)."""

    at_s: float
    current: int
    reached: int  # -1: none yet
    total: int | None
    complete: bool
    unusable: bool = False  # the autopilot says that it has no mission that it could fly


@dataclass(frozen=True, slots=True)
class Vibration:
    """VIBRATION: m/s2 per axis, and clipping counts."""

    at_s: float
    xyz_m_s2: tuple[float, float, float]
    clipping: int


@dataclass(frozen=True, slots=True)
class Aircraft:
    """ADSB_VEHICLE: somebody else in the air.

    Attributes:
        at_s: when its transponder was heard.
        alt_amsl_m: None where it does not tell. by_satellite: else by pressure.
        velocity_ne_m_s: over ground, north and east; None where it does not tell.
    """

    at_s: float
    icao: int
    callsign: str
    place: LatLon
    alt_amsl_m: float | None
    by_satellite: bool
    velocity_ne_m_s: tuple[float, float] | None
    climb_m_s: float | None


@dataclass(frozen=True, slots=True)
class LinkQuality:
    """How well the link works: loss 0..1 over the last seconds from sequence numbers, round trip from TIMESYNC or commands."""

    at_s: float
    loss: float
    round_trip_s: float | None


@dataclass(frozen=True, slots=True)
class Telemetry:
    """Everything known about the drone at one moment."""

    heartbeat: Heartbeat | None = None
    position: Position | None = None
    local: LocalPosition | None = None
    attitude: Attitude | None = None
    gimbal: Gimbal | None = None
    battery: Battery | None = None
    gps: Gps | None = None
    estimator: Estimator | None = None
    health: SystemHealth | None = None
    home: Home | None = None
    landed: LandedState = LandedState.UNKNOWN
    landed_at_s: float | None = None
    mission: MissionProgress | None = None
    vibration: Vibration | None = None
    link: LinkQuality | None = None
    camera: Camera | None = None  # the one that proves the route's pictures
    other_cameras: tuple[Camera, ...] = ()  # by their components, such as a thermal one
    captures: tuple[Capture, ...] = ()  # newest reports of pictures, in the order they were heard
    gimbal_control: GimbalControl | None = None
    gimbal_reach_deg: tuple[float, float] | None = None  # least and largest pitch, GIMBAL_MANAGER_INFORMATION
    traffic: tuple[Aircraft, ...] = ()
    wind_ned_m_s: tuple[float, float] | None = None  # (north, east) the wind blows towards
    messages: tuple[str, ...] = field(default=())  # newest STATUSTEXTs, oldest first

    def having(self, **parts: object) -> Self:
        """The same with some parts changed. Does what :func:`dataclasses.replace` does in half the time: a frame, a call."""
        values = list(_parts_of(self))
        for name, value in parts.items():
            values[_PLACES[name]] = value
        return type(self)(*values)

    @property
    def cameras(self) -> tuple[Camera, ...]:
        """Every camera that is known."""
        return self.other_cameras if self.camera is None else (self.camera, *self.other_cameras)

    @property
    def armed(self) -> bool | None:
        """Whether the motors are armed; None when no heartbeat was ever heard."""
        return self.heartbeat.armed if self.heartbeat else None

    @property
    def mode(self) -> FlightMode:
        """The flight mode of the last heartbeat."""
        return self.heartbeat.mode if self.heartbeat else FlightMode.UNKNOWN


_PLACES = {part.name: place for place, part in enumerate(fields(Telemetry))}
_parts_of = attrgetter(*_PLACES)


@dataclass(frozen=True, slots=True)
class StatusText:
    """A sentence from the autopilot. severity as in MAV_SEVERITY: 0 emergency .. 7 debug."""

    at_s: float
    severity: int
    text: str


@dataclass(frozen=True, slots=True)
class PoseSample:
    """Where camera and drone were at one moment of UTC; the vision process interpolates between these.

    Gimbal angles are against the horizon and true north; None where the drone has no gimbal and the camera is fixed to it.
    They were measured ``gimbal_age_s`` before the rest, however long ago that is: a gimbal that fell silent is still there.
    """

    unix_s: float
    lat_deg: float
    lon_deg: float
    alt_amsl_m: float
    alt_rel_m: float
    velocity_ned_m_s: tuple[float, float, float]
    roll_deg: float
    pitch_deg: float
    yaw_deg: float
    gimbal_roll_deg: float | None = None
    gimbal_pitch_deg: float | None = None
    gimbal_yaw_deg: float | None = None
    gimbal_age_s: float = 0.0
    hdop: float | None = None


@dataclass(frozen=True, slots=True)
class ContactChange:
    """The drone was heard again, fell silent, or was not heard at all. code is a row of ``agent/domain/codes.yaml``."""

    at_s: float
    heard: bool
    code: str
    words: str
