"""The messages that the autopilot streams: one builder a message id.

Reads the autopilot's state and scales it into MAVLink's units; changes nothing.
"""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from simulator.vehicle.craft import HOVER_THROTTLE, Motion
from simulator.vehicle.dynamics import GRAVITY_M_S2
from simulator.vehicle.modes import AUTO
from simulator.vehicle.wire import Message, clamp_int, e7, mavlink, quaternion

if TYPE_CHECKING:
    from simulator.vehicle.autopilot import Autopilot

_I16: Final = (-32768, 32767)
_I32: Final = (-(2**31), 2**31 - 1)
_U16: Final = (0, 65535)
CAPABILITIES: Final = int(
    mavlink.MAV_PROTOCOL_CAPABILITY_PARAM_FLOAT
    | mavlink.MAV_PROTOCOL_CAPABILITY_FTP
    | mavlink.MAV_PROTOCOL_CAPABILITY_MISSION_INT
    | mavlink.MAV_PROTOCOL_CAPABILITY_COMMAND_INT
    | mavlink.MAV_PROTOCOL_CAPABILITY_SET_POSITION_TARGET_LOCAL_NED
    | mavlink.MAV_PROTOCOL_CAPABILITY_SET_POSITION_TARGET_GLOBAL_INT
    | mavlink.MAV_PROTOCOL_CAPABILITY_MAVLINK2
    | mavlink.MAV_PROTOCOL_CAPABILITY_MISSION_FENCE
    | mavlink.MAV_PROTOCOL_CAPABILITY_MISSION_RALLY
)


def _boot_ms(ap: "Autopilot") -> int:
    return int(ap.craft.time_s * 1000) & 0xFFFFFFFF


def _centi_heading(ap: "Autopilot") -> int:
    return round(math.degrees(ap.craft.body.yaw) * 100) % 36000


def heartbeat(ap: "Autopilot") -> Message:
    """HEARTBEAT."""
    flags = mavlink.MAV_MODE_FLAG_CUSTOM_MODE_ENABLED | mavlink.MAV_MODE_FLAG_STABILIZE_ENABLED
    flags |= mavlink.MAV_MODE_FLAG_MANUAL_INPUT_ENABLED
    if ap.mode.needs_position:
        flags |= mavlink.MAV_MODE_FLAG_GUIDED_ENABLED
    if ap.craft.armed:
        flags |= mavlink.MAV_MODE_FLAG_SAFETY_ARMED
    if not ap.boot.ready:
        state = mavlink.MAV_STATE_BOOT
    elif ap.failsafes.active and ap.craft.armed:
        state = mavlink.MAV_STATE_CRITICAL
    else:
        state = mavlink.MAV_STATE_STANDBY if ap.craft.landed else mavlink.MAV_STATE_ACTIVE
    return mavlink.MAVLink_heartbeat_message(
        mavlink.MAV_TYPE_QUADROTOR, mavlink.MAV_AUTOPILOT_ARDUPILOTMEGA, flags, ap.mode.number, state, 3
    )


def attitude(ap: "Autopilot") -> Message:
    """ATTITUDE."""
    body = ap.craft.body
    return mavlink.MAVLink_attitude_message(
        _boot_ms(ap), body.roll, body.pitch, body.yaw, body.roll_rate, body.pitch_rate, body.yaw_rate
    )


def attitude_quaternion(ap: "Autopilot") -> Message:
    """ATTITUDE_QUATERNION."""
    body = ap.craft.body
    q = quaternion(body.roll, body.pitch, body.yaw)
    return mavlink.MAVLink_attitude_quaternion_message(
        _boot_ms(ap), *q, body.roll_rate, body.pitch_rate, body.yaw_rate, [0.0] * 4
    )


def global_position(ap: "Autopilot") -> Message:
    """GLOBAL_POSITION_INT: zeros until there was a position."""
    craft, body = ap.craft, ap.craft.body
    if not ap.boot.origin_set:
        return mavlink.MAVLink_global_position_int_message(_boot_ms(ap), 0, 0, 0, 0, 0, 0, 0, _centi_heading(ap))
    here = craft.position()
    place = craft.latlon_of(here)
    return mavlink.MAVLink_global_position_int_message(
        _boot_ms(ap), e7(place.lat_deg), e7(place.lon_deg), clamp_int(craft.alt_amsl_m(here) * 1000, *_I32),
        clamp_int((here[2] - craft.home_up_m) * 1000, *_I32), clamp_int(body.v_north * 100, *_I16),
        clamp_int(body.v_east * 100, *_I16), clamp_int(-body.v_up * 100, *_I16), _centi_heading(ap),
    )  # fmt: skip


def local_position(ap: "Autopilot") -> Message | None:
    """LOCAL_POSITION_NED from the estimator's origin; nothing before the position is good."""
    if not ap.boot.position_ok:
        return None
    here, body = ap.craft.position(), ap.craft.body
    return mavlink.MAVLink_local_position_ned_message(
        _boot_ms(ap), here[0], here[1], -here[2], body.v_north, body.v_east, -body.v_up
    )


def gps_raw(ap: "Autopilot") -> Message:
    """GPS_RAW_INT; RTK fixed, as the simulated receiver of ArduPilot says."""
    craft, sensors, body = ap.craft, ap.craft.sensors, ap.craft.body
    if not sensors.has_fix:
        fix_type = 0 if craft.time_s < ap.boot.gps_lock_s else 1
        return mavlink.MAVLink_gps_raw_int_message(
            int(craft.time_s * 1e6), fix_type, 0, 0, 0, 65535, 65535, 0, 0, sensors.satellites
        )
    place, alt_mm = craft.latlon_of(sensors.fix(body)), clamp_int(craft.alt_amsl_m(sensors.fix(body)) * 1000, *_I32)
    course = round(math.degrees(math.atan2(body.v_east, body.v_north)) * 100) % 36000
    accuracy_mm = clamp_int(ap.parameters["SIM_GPS_ACC"] * 1000, 0, 2**32 - 1)
    return mavlink.MAVLink_gps_raw_int_message(
        int(sensors.last_fix_s * 1e6), 6, e7(place.lat_deg), e7(place.lon_deg), alt_mm, 121, 200,
        clamp_int(body.ground_speed * 100, *_U16), course, sensors.satellites, alt_mm, accuracy_mm, accuracy_mm, 0, 0, 0,
    )  # fmt: skip


def vfr_hud(ap: "Autopilot") -> Message:
    """VFR_HUD."""
    craft, body = ap.craft, ap.craft.body
    air = math.hypot(body.v_north - craft.wind.north_m_s, body.v_east - craft.wind.east_m_s)
    heading = round(math.degrees(body.yaw)) % 360
    throttle = 0
    if craft.armed and craft.motion is not Motion.IDLE:
        throttle = clamp_int(100 * HOVER_THROTTLE * craft.drive.lift / GRAVITY_M_S2, 0, 100)
    alt_m = craft.alt_amsl_m(craft.position())
    return mavlink.MAVLink_vfr_hud_message(air, body.ground_speed, heading, throttle, alt_m, body.v_up)


def battery_status(ap: "Autopilot") -> Message:
    """BATTERY_STATUS: the whole pack's voltage as its first cell, as the real autopilot has it."""
    battery, values = ap.craft.battery, ap.parameters
    left = clamp_int(battery.remaining_percent(values["BATT_CAPACITY"]), -1, 100)
    failed = ap.failsafes.battery_latched
    charge_state = mavlink.MAV_BATTERY_CHARGE_STATE_LOW if failed else mavlink.MAV_BATTERY_CHARGE_STATE_OK
    if battery.amps < 0:
        charge_state = mavlink.MAV_BATTERY_CHARGE_STATE_CHARGING
    volts = [clamp_int(battery.volts * 1000, 0, 65534)] + [65535] * 9
    return mavlink.MAVLink_battery_status_message(
        0, mavlink.MAV_BATTERY_FUNCTION_UNKNOWN, mavlink.MAV_BATTERY_TYPE_UNKNOWN, clamp_int(battery.temp_c * 100, *_I16),
        volts, clamp_int(battery.amps * 100, *_I16), clamp_int(battery.used_mah, *_I32),
        clamp_int(battery.used_wh * 36.0, *_I32), left, 0, charge_state, [0, 0, 0, 0], 0, 0,
    )  # fmt: skip


def extended_sys_state(ap: "Autopilot") -> Message:
    """EXTENDED_SYS_STATE; the real one reports VTOL state 3 for a multicopter."""
    return mavlink.MAVLink_extended_sys_state_message(mavlink.MAV_VTOL_STATE_MC, ap.craft.phase.value)


def home_position(ap: "Autopilot") -> Message | None:
    """HOME_POSITION, once known."""
    home = ap.craft.home
    if home is None:
        return None
    place = ap.craft.latlon_of(home)
    nan = math.nan
    return mavlink.MAVLink_home_position_message(
        e7(place.lat_deg), e7(place.lon_deg), clamp_int(ap.craft.alt_amsl_m(home) * 1000, *_I32), home[0], home[1], -home[2],
        [nan, nan, nan, nan], 0.0, 0.0, 0.0, int(ap.craft.time_s * 1e6),
    )  # fmt: skip


def gps_global_origin(ap: "Autopilot") -> Message | None:
    """GPS_GLOBAL_ORIGIN, once set."""
    if not ap.boot.origin_set:
        return None
    place = ap.craft.place
    return mavlink.MAVLink_gps_global_origin_message(
        e7(place.latlon.lat_deg), e7(place.latlon.lon_deg), round(place.alt_amsl_m * 1000), int(ap.craft.time_s * 1e6)
    )


def mission_current(ap: "Autopilot") -> Message:
    """MISSION_CURRENT; total does not count home."""
    in_auto = ap.mode.number == AUTO
    total = max(ap.store.count(0) - 1, 0)
    return mavlink.MAVLink_mission_current_message(ap.run.index, total, ap.run.state(in_auto=in_auto), int(in_auto))


def wind(ap: "Autopilot") -> Message:
    """WIND: direction it comes from."""
    air = ap.craft.wind
    from_deg = math.degrees(math.atan2(-air.east_m_s, -air.north_m_s))
    return mavlink.MAVLink_wind_message(from_deg, math.hypot(air.north_m_s, air.east_m_s), air.up_m_s)


def system_time(ap: "Autopilot") -> Message:
    """SYSTEM_TIME; unknown until GPS gave it."""
    usec = ap.unix_usec() if ap.craft.time_s >= ap.boot.gps_lock_s else 0
    return mavlink.MAVLink_system_time_message(usec, _boot_ms(ap))


def vibration(ap: "Autopilot") -> Message:
    """VIBRATION."""
    level = ap.parameters["SIM_VIBE"] * (ap.craft.body.thrust_ratio if ap.craft.armed else 0.0)
    return mavlink.MAVLink_vibration_message(int(ap.craft.time_s * 1e6), 3.0 * level, 3.0 * level, 4.0 * level, 0, 0, 0)


def sim_state(ap: "Autopilot") -> Message:
    """SIM_STATE: the truth, for the camera and the dock."""
    craft, body = ap.craft, ap.craft.body
    true_place = craft.latlon_of((body.north_m, body.east_m, body.up_m))
    alt_m = craft.alt_amsl_m((body.north_m, body.east_m, body.up_m))
    return mavlink.MAVLink_sim_state_message(
        *quaternion(body.roll, body.pitch, body.yaw), body.roll, body.pitch, body.yaw, body.a_north, body.a_east, -body.a_up,
        body.roll_rate, body.pitch_rate, body.yaw_rate, true_place.lat_deg, true_place.lon_deg, alt_m, 0.0, 0.0,
        body.v_north, body.v_east, -body.v_up, e7(true_place.lat_deg), e7(true_place.lon_deg),
    )  # fmt: skip


def position_target(ap: "Autopilot") -> Message | None:
    """POSITION_TARGET_GLOBAL_INT: where GUIDED, AUTO or RTL fly to."""
    target = ap.target()
    if target is None:
        return None
    place = ap.craft.latlon_of(target)
    mask = 0xFDF8  # recorded: all but the position is to be ignored
    return mavlink.MAVLink_position_target_global_int_message(
        _boot_ms(ap), mavlink.MAV_FRAME_GLOBAL, mask, e7(place.lat_deg), e7(place.lon_deg), ap.craft.alt_amsl_m(target),
        0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0,
    )  # fmt: skip


def nav_controller(ap: "Autopilot") -> Message:
    """NAV_CONTROLLER_OUTPUT."""
    body, target, here = ap.craft.body, ap.target(), ap.craft.position()
    bearing, distance, climb = 0.0, 0.0, 0.0
    if target is not None:
        bearing = math.degrees(math.atan2(target[1] - here[1], target[0] - here[0]))
        distance, climb = math.hypot(target[0] - here[0], target[1] - here[1]), target[2] - here[2]
    return mavlink.MAVLink_nav_controller_output_message(
        math.degrees(body.roll), math.degrees(body.pitch), clamp_int(bearing, *_I16), clamp_int(bearing, *_I16),
        clamp_int(distance, *_U16), climb, 0.0, 0.0,
    )  # fmt: skip


Builder = Callable[["Autopilot"], Message | None]
