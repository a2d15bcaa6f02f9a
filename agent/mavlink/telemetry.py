"""Messages to domain telemetry: one pure function per message, all in SI units and degrees.

Knows what each field means and which value says "unknown". What differs between autopilots comes in as :class:`Interpretation`.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from agent.domain.telemetry import (
    Attitude,
    Battery,
    Estimator,
    FlightMode,
    Gps,
    GpsFix,
    Heartbeat,
    Home,
    LandedState,
    LocalPosition,
    MissionProgress,
    Position,
    SystemHealth,
    Telemetry,
    Vibration,
)
from agent.mavlink.adsb import aircraft
from agent.mavlink.camera import CAMERA_FOLDS
from agent.mavlink.codec import Frame
from agent.mavlink.enums import AUTOPILOT_COMPONENT, Autopilot, MissionState, ModeFlag
from agent.mavlink.gimbal import GimbalFrame, control_of, gimbal_of, reach_of
from agent.mavlink.scale import lat_lon

_UNKNOWN_U16 = 65_535
_UNKNOWN_I16 = 32_767
_UNKNOWN_U8 = 255
_STATUS_CRITICAL = 5  # MAV_STATE_CRITICAL, and EMERGENCY above it
_STATUS_EMERGENCY = 6
_CELL_MOST_V = 5.0  # above that the first entry is the voltage of the whole pack


@dataclass(frozen=True, slots=True)
class Interpretation:
    """What an autopilot's numbers mean.

    Attributes:
        mode_of: HEARTBEAT.custom_mode to a flight mode.
        plan_index_of: sequence number on the wire to the index in the uploaded plan; -1 where it is before the first item.
        reached_index_of: sequence number reported as reached to the index of the last plan item that is done with it.
        plan_length: items of the uploaded plan; None where it is not known.
        prearm_always: the pre-arm bit counts though it is not announced as present (PX4).
        gimbal: what the autopilot's own gimbal angles are against.
    """

    mode_of: Callable[[int], FlightMode]
    plan_index_of: Callable[[int], int]
    reached_index_of: Callable[[int], int]
    plan_length: int | None = None
    prearm_always: bool = False
    gimbal: GimbalFrame = GimbalFrame.FLAGGED


Fold = Callable[[Telemetry, Frame, Interpretation], Telemetry]


def fold(telemetry: Telemetry, frame: Frame, meaning: Interpretation) -> Telemetry:
    """The telemetry after one frame of the drone. Frames that carry none leave it as it is."""
    step = FOLDS.get(frame.name)
    return telemetry if step is None else step(telemetry, frame, meaning)


def _heartbeat(telemetry: Telemetry, frame: Frame, meaning: Interpretation) -> Telemetry:
    body = frame.body
    if frame.component != AUTOPILOT_COMPONENT or body.autopilot == Autopilot.INVALID:
        return telemetry  # a gimbal, camera or ground station with the same system id
    mode = meaning.mode_of(body.custom_mode) if body.base_mode & ModeFlag.CUSTOM_MODE_ENABLED else FlightMode.UNKNOWN
    beat = Heartbeat(
        at_s=frame.at_s,
        mode=mode,
        armed=bool(body.base_mode & ModeFlag.SAFETY_ARMED),
        custom_mode=int(body.custom_mode),
        failsafe=body.system_status in {_STATUS_CRITICAL, _STATUS_EMERGENCY},
    )
    return telemetry.having(heartbeat=beat)


def _position(telemetry: Telemetry, frame: Frame, _: Interpretation) -> Telemetry:
    body = frame.body
    if body.lat == 0 and body.lon == 0:
        return telemetry  # sent before the first fix
    position = Position(
        at_s=frame.at_s,
        boot_ms=int(body.time_boot_ms),
        place=lat_lon(body.lat, body.lon),
        alt_amsl_m=body.alt / 1000.0,
        alt_rel_m=body.relative_alt / 1000.0,
        velocity_ned_m_s=(body.vx / 100.0, body.vy / 100.0, body.vz / 100.0),
        heading_deg=None if body.hdg == _UNKNOWN_U16 else body.hdg / 100.0,
    )
    return telemetry.having(position=position)


def _local(telemetry: Telemetry, frame: Frame, _: Interpretation) -> Telemetry:
    body = frame.body
    place, velocity = (float(body.x), float(body.y), float(body.z)), (float(body.vx), float(body.vy), float(body.vz))
    if not all(map(math.isfinite, (*place, *velocity))):
        return telemetry
    return telemetry.having(local=LocalPosition(frame.at_s, int(body.time_boot_ms), place, velocity))


def _attitude(telemetry: Telemetry, frame: Frame, _: Interpretation) -> Telemetry:
    body = frame.body
    angles = (body.roll, body.pitch, body.yaw)
    if not all(map(math.isfinite, angles)):
        return telemetry
    roll, pitch, yaw = map(math.degrees, angles)
    return telemetry.having(attitude=Attitude(frame.at_s, int(body.time_boot_ms), roll, pitch, yaw))


def _gimbal(telemetry: Telemetry, frame: Frame, meaning: Interpretation) -> Telemetry:
    gimbal = gimbal_of(frame, telemetry.gimbal, telemetry.attitude, meaning.gimbal)
    return telemetry if gimbal is None else telemetry.having(gimbal=gimbal)


def _gimbal_manager(telemetry: Telemetry, frame: Frame, _: Interpretation) -> Telemetry:
    return telemetry.having(gimbal_control=control_of(frame))


def _gimbal_information(telemetry: Telemetry, frame: Frame, _: Interpretation) -> Telemetry:
    return replace(telemetry, gimbal_reach_deg=reach_of(frame))


def _battery(telemetry: Telemetry, frame: Frame, _: Interpretation) -> Telemetry:
    """BATTERY_STATUS of the first battery: what SYS_STATUS does not say."""
    body = frame.body
    if body.id != 0 or telemetry.battery is None:
        return telemetry
    cells = [v / 1000.0 for v in body.voltages if v not in {0, _UNKNOWN_U16}]
    single = len(cells) >= 2 and max(cells) < _CELL_MOST_V
    battery = replace(
        telemetry.battery,
        consumed_mah=None if body.current_consumed < 0 else float(body.current_consumed),
        temperature_c=None if body.temperature == _UNKNOWN_I16 else body.temperature / 100.0,
        cell_spread_v=max(cells) - min(cells) if single else None,
    )
    return telemetry.having(battery=battery)


_PREARM_BIT = 0x10000000  # MAV_SYS_STATUS_PREARM_CHECK
SENSORS = MappingProxyType(
    {
        0x01: "gyro", 0x02: "accelerometer", 0x04: "compass", 0x08: "barometer", 0x10: "differential pressure", 0x20: "GPS",
        0x40: "optical flow", 0x100: "rangefinder", 0x2000: "altitude control", 0x4000: "position control",
        0x8000: "motor outputs", 0x10000: "RC receiver", 0x100000: "geofence", 0x200000: "AHRS", 0x400000: "terrain",
        0x800000: "reverse motor", 0x1000000: "logging", 0x2000000: "battery", 0x4000000: "proximity", 0x8000000: "satcom",
        0x20000000: "obstacle avoidance", 0x40000000: "propulsion",
    }
)  # fmt: skip
"""MAV_SYS_STATUS_SENSOR bits that can stop a flight, with their names for people."""


def _system(telemetry: Telemetry, frame: Frame, meaning: Interpretation) -> Telemetry:
    """SYS_STATUS: sensors, processor load and the main battery."""
    body = frame.body
    present, enabled = int(body.onboard_control_sensors_present), int(body.onboard_control_sensors_enabled)
    healthy = int(body.onboard_control_sensors_health)
    sick = present & enabled & ~healthy
    has_prearm = meaning.prearm_always or bool(present & enabled & _PREARM_BIT)
    health = SystemHealth(
        at_s=frame.at_s,
        prearm_good=bool(healthy & _PREARM_BIT) if has_prearm else None,
        unhealthy=tuple(name for bit, name in SENSORS.items() if sick & bit),
        load=body.load / 1000.0,
    )
    telemetry = telemetry.having(health=health)
    if body.voltage_battery in {0, _UNKNOWN_U16}:
        return telemetry
    before = telemetry.battery or Battery(frame.at_s, 0.0, None, None)
    battery = replace(
        before,
        at_s=frame.at_s,
        voltage_v=body.voltage_battery / 1000.0,
        current_a=None if body.current_battery < 0 else body.current_battery / 100.0,
        remaining=None if body.battery_remaining < 0 else min(1.0, body.battery_remaining / 100.0),
    )
    return telemetry.having(battery=battery)


_FIXES = {2: GpsFix.FIX_2D, 3: GpsFix.FIX_3D, 4: GpsFix.DGPS, 5: GpsFix.RTK_FLOAT, 6: GpsFix.RTK_FIXED,
    7: GpsFix.FIX_3D, 8: GpsFix.FIX_3D}  # fmt: skip


def _gps(telemetry: Telemetry, frame: Frame, _: Interpretation) -> Telemetry:
    body = frame.body
    gps = Gps(
        at_s=frame.at_s,
        fix=_FIXES.get(body.fix_type, GpsFix.NONE),
        satellites=None if body.satellites_visible == _UNKNOWN_U8 else int(body.satellites_visible),
        hdop=None if body.eph == _UNKNOWN_U16 else body.eph / 100.0,
    )
    return telemetry.having(gps=gps)


_VELOCITY_HORIZONTAL, _POSITION_ABSOLUTE, _CONSTANT_POSITION, _POSITION_PREDICTED = 2, 16, 128, 512  # EKF_STATUS_FLAGS


def _ekf(telemetry: Telemetry, frame: Frame, _: Interpretation) -> Telemetry:
    """EKF_STATUS_REPORT. Disarmed, ArduPilot says only that it would have a position."""
    body, flags = frame.body, int(frame.body.flags)
    flying_good = bool(flags & _POSITION_ABSOLUTE) and not flags & _CONSTANT_POSITION
    good = flying_good or (telemetry.armed is False and bool(flags & _POSITION_PREDICTED))
    variances = (body.velocity_variance, body.pos_horiz_variance, body.pos_vert_variance, body.compass_variance)
    return telemetry.having(estimator=Estimator(frame.at_s, good, _largest(variances)))


def _estimator(telemetry: Telemetry, frame: Frame, _: Interpretation) -> Telemetry:
    """ESTIMATOR_STATUS of PX4."""
    body, needed = frame.body, _VELOCITY_HORIZONTAL | _POSITION_ABSOLUTE
    ratios = (body.vel_ratio, body.pos_horiz_ratio, body.pos_vert_ratio, body.mag_ratio)
    return telemetry.having(estimator=Estimator(frame.at_s, int(body.flags) & needed == needed, _largest(ratios)))


def _largest(values: tuple[float, ...]) -> float:
    """The largest known value; NaN is unknown."""
    return max((float(v) for v in values if not math.isnan(v)), default=math.inf)


_LANDED = {1: LandedState.ON_GROUND, 2: LandedState.IN_AIR, 3: LandedState.TAKING_OFF, 4: LandedState.LANDING}


def _landed(telemetry: Telemetry, frame: Frame, _: Interpretation) -> Telemetry:
    landed = _LANDED.get(frame.body.landed_state, LandedState.UNKNOWN)
    return telemetry.having(landed=landed, landed_at_s=frame.at_s)


def _home(telemetry: Telemetry, frame: Frame, _: Interpretation) -> Telemetry:
    body = frame.body
    return telemetry.having(home=Home(frame.at_s, lat_lon(body.latitude, body.longitude), body.altitude / 1000.0))


def _mission_current(telemetry: Telemetry, frame: Frame, meaning: Interpretation) -> Telemetry:
    body = frame.body
    if body.seq == _UNKNOWN_U16:
        return telemetry
    complete = body.mission_state == MissionState.COMPLETE
    current = max(0, meaning.plan_index_of(int(body.seq)))
    if complete and meaning.plan_length:
        current = meaning.plan_length - 1
    reached = telemetry.mission.reached if telemetry.mission else -1
    unusable = body.mission_state == MissionState.NO_MISSION
    progress = MissionProgress(frame.at_s, current, reached, meaning.plan_length, complete, unusable)
    return telemetry.having(mission=progress)


def _mission_reached(telemetry: Telemetry, frame: Frame, meaning: Interpretation) -> Telemetry:
    """MISSION_ITEM_REACHED. PX4 repeats it for some seconds, which changes nothing."""
    reached = meaning.reached_index_of(int(frame.body.seq))
    before = telemetry.mission or MissionProgress(frame.at_s, 0, -1, meaning.plan_length, complete=False)
    return telemetry.having(mission=replace(before, at_s=frame.at_s, reached=reached))


def _vibration(telemetry: Telemetry, frame: Frame, _: Interpretation) -> Telemetry:
    body = frame.body
    xyz = (float(body.vibration_x), float(body.vibration_y), float(body.vibration_z))
    clipping = int(body.clipping_0 + body.clipping_1 + body.clipping_2)
    return telemetry.having(vibration=Vibration(frame.at_s, xyz, clipping))


def _wind(telemetry: Telemetry, frame: Frame, _: Interpretation) -> Telemetry:
    """WIND of ArduPilot: where it comes from."""
    body = frame.body
    if not (math.isfinite(body.direction) and math.isfinite(body.speed)):
        return telemetry
    towards = math.radians(body.direction + 180.0)
    return telemetry.having(wind_ned_m_s=(body.speed * math.cos(towards), body.speed * math.sin(towards)))


def _wind_cov(telemetry: Telemetry, frame: Frame, _: Interpretation) -> Telemetry:
    """WIND_COV: where it goes, north and east."""
    body = frame.body
    if not (math.isfinite(body.wind_x) and math.isfinite(body.wind_y)):
        return telemetry
    return telemetry.having(wind_ned_m_s=(float(body.wind_x), float(body.wind_y)))


FOLDS: Mapping[str, Fold] = MappingProxyType(
    {
        "HEARTBEAT": _heartbeat,
        "GLOBAL_POSITION_INT": _position,
        "LOCAL_POSITION_NED": _local,
        "ATTITUDE": _attitude,
        "GIMBAL_DEVICE_ATTITUDE_STATUS": _gimbal,
        "GIMBAL_MANAGER_STATUS": _gimbal_manager,
        "GIMBAL_MANAGER_INFORMATION": _gimbal_information,
        "SYS_STATUS": _system,
        "BATTERY_STATUS": _battery,
        "GPS_RAW_INT": _gps,
        "EKF_STATUS_REPORT": _ekf,
        "ESTIMATOR_STATUS": _estimator,
        "EXTENDED_SYS_STATE": _landed,
        "HOME_POSITION": _home,
        "MISSION_CURRENT": _mission_current,
        "MISSION_ITEM_REACHED": _mission_reached,
        "VIBRATION": _vibration,
        "WIND": _wind,
        "WIND_COV": _wind_cov,
        **CAMERA_FOLDS,
        "ADSB_VEHICLE": aircraft,
    }
)
"""What each message changes. A test sweeps every row."""
