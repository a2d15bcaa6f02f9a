"""Health and identity messages: SYS_STATUS, EKF, radio, version, gimbal manager, camera.

Bits and values are those recorded from ArduCopter 4.6.3. Reads the autopilot's state; changes nothing.
"""

import math
from typing import TYPE_CHECKING, Final

from simulator.vehicle.dynamics import GRAVITY_M_S2
from simulator.vehicle.payload import GIMBAL_DEVICE_ID
from simulator.vehicle.reports import CAPABILITIES
from simulator.vehicle.wire import Message, clamp_int, mavlink

if TYPE_CHECKING:
    from simulator.vehicle.autopilot import Autopilot

_FIRMWARE: Final = (4 << 24) | (6 << 16) | (3 << 8) | 255  # 4.6.3, official
_CUSTOM_VERSION: Final = list(b"nest-sim")

_GPS: Final = int(mavlink.MAV_SYS_STATUS_SENSOR_GPS)
_COMPASS: Final = int(mavlink.MAV_SYS_STATUS_SENSOR_3D_MAG)
_BATTERY: Final = int(mavlink.MAV_SYS_STATUS_SENSOR_BATTERY)
_PREARM: Final = int(mavlink.MAV_SYS_STATUS_PREARM_CHECK)
_AHRS: Final = int(mavlink.MAV_SYS_STATUS_AHRS)
_LOGGING: Final = int(mavlink.MAV_SYS_STATUS_LOGGING)
_FENCE: Final = int(mavlink.MAV_SYS_STATUS_GEOFENCE)
_RC: Final = int(mavlink.MAV_SYS_STATUS_SENSOR_RC_RECEIVER)
_POSITION_CONTROL: Final = int(
    mavlink.MAV_SYS_STATUS_SENSOR_Z_ALTITUDE_CONTROL | mavlink.MAV_SYS_STATUS_SENSOR_XY_POSITION_CONTROL
)
_PRESENT: Final = 0x5371FC0F  # as recorded, without GPS
_ENABLED: Final = 0x52419C0F
_HEALTHY: Final = 0x47519C0F

_EKF_BEFORE: Final = 1024  # uninitialised
_EKF_ATTITUDE: Final = 167  # attitude and constant position
_EKF_GOOD: Final = 831


def sys_status(ap: "Autopilot") -> Message:
    """SYS_STATUS with the pre-arm bit."""
    present, enabled, health = _PRESENT, _ENABLED, _HEALTHY
    sensors, values, battery = ap.craft.sensors, ap.parameters, ap.craft.battery
    if ap.craft.time_s >= ap.boot.gps_lock_s:
        present, enabled = present | _GPS, enabled | _GPS
        health |= _GPS if sensors.has_fix else 0
    if ap.boot.origin_set:
        enabled, health = enabled | _AHRS, health | _AHRS
    if ap.prearm_ok:
        health |= _PREARM
    if ap.mode.needs_position:
        enabled |= _POSITION_CONTROL
        health |= _POSITION_CONTROL if ap.position_ok else 0
    if ap.craft.armed:
        enabled |= _LOGGING
    if ap.fence.enabled_types:
        present, enabled = present | _FENCE, enabled | _FENCE
        health = health & ~_FENCE if ap.failsafes.fence_bits else health | _FENCE
    if values["SIM_MAG1_FAIL"]:
        health &= ~_COMPASS
    if ap.failsafes.radio_on:
        health &= ~_RC
    if ap.failsafes.battery_latched:
        health &= ~_BATTERY
    return mavlink.MAVLink_sys_status_message(
        present, enabled, health, 0, clamp_int(battery.volts * 1000, 0, 65535), clamp_int(battery.amps * 100, -32768, 32767),
        clamp_int(battery.remaining_percent(values["BATT_CAPACITY"]), -1, 100), 0, 0, 0, 0, 0, 0,
    )  # fmt: skip


def ekf_status(ap: "Autopilot") -> Message:
    """EKF_STATUS_REPORT."""
    settled = _EKF_GOOD if ap.position_ok else _EKF_ATTITUDE
    flags = settled if ap.boot.attitude_ok else _EKF_BEFORE
    glitch = 1.2 if ap.craft.sensors.glitching else 0.02
    compass = 1.5 if ap.parameters["SIM_MAG1_FAIL"] else 0.03
    return mavlink.MAVLink_ekf_status_report_message(flags, 0.015, glitch, 0.005, compass, 0.0, 0.0)


def rc_channels(ap: "Autopilot") -> Message:
    """RC_CHANNELS."""
    values = [ap.rc.channel(index) for index in range(18)]
    count = 0 if ap.failsafes.radio_on else 8
    return mavlink.MAVLink_rc_channels_message(int(ap.craft.time_s * 1000), count, *values, 0 if ap.failsafes.radio_on else 255)


def servo_output(ap: "Autopilot") -> Message:
    """SERVO_OUTPUT_RAW: the four motors."""
    pulse = 1000
    if ap.craft.armed:
        pulse = clamp_int(1100 + 480 * ap.craft.drive.lift / GRAVITY_M_S2, 1000, 2000)
    return mavlink.MAVLink_servo_output_raw_message(
        int(ap.craft.time_s * 1e6) & 0xFFFFFFFF, 0, pulse, pulse, pulse, pulse, 0, 0, 0, 0
    )


def fence_status(ap: "Autopilot") -> Message:
    """FENCE_STATUS."""
    safes = ap.failsafes
    kinds = {1: mavlink.FENCE_BREACH_MAXALT, 8: mavlink.FENCE_BREACH_MINALT}
    kind = mavlink.FENCE_BREACH_NONE
    if safes.fence_bits:
        kind = kinds.get(safes.fence_bits, mavlink.FENCE_BREACH_BOUNDARY)
    return mavlink.MAVLink_fence_status_message(
        int(bool(safes.fence_bits)), safes.fence_count & 0xFFFF, kind, int(safes.fence_at_s * 1000)
    )


def autopilot_version(ap: "Autopilot") -> Message:
    """AUTOPILOT_VERSION: ArduCopter 4.6.3's number, with a custom version that says what it really is."""
    uid2 = list(f"nest-sim-{int(ap.parameters['SYSID_THISMAV']):03d}".encode().ljust(18, b"\x00"))
    return mavlink.MAVLink_autopilot_version_message(
        CAPABILITIES, _FIRMWARE, 0, 0, 0, _CUSTOM_VERSION, [0] * 8, [0] * 8, 0, 0, 0, uid2
    )


def gimbal_device_attitude(ap: "Autopilot") -> Message:
    """GIMBAL_DEVICE_ATTITUDE_STATUS."""
    return ap.gimbal.message(int(ap.craft.time_s * 1000))


def gimbal_manager_information(ap: "Autopilot") -> Message:
    """GIMBAL_MANAGER_INFORMATION."""
    values = ap.parameters
    return mavlink.MAVLink_gimbal_manager_information_message(
        int(ap.craft.time_s * 1000),
        int(
            mavlink.GIMBAL_MANAGER_CAP_FLAGS_HAS_PITCH_AXIS
            | mavlink.GIMBAL_MANAGER_CAP_FLAGS_HAS_YAW_AXIS
            | mavlink.GIMBAL_MANAGER_CAP_FLAGS_HAS_YAW_LOCK
        ),
        GIMBAL_DEVICE_ID,
        0.0, 0.0, math.radians(values["MNT1_PITCH_MIN"]), math.radians(values["MNT1_PITCH_MAX"]),
        math.radians(values["MNT1_YAW_MIN"]), math.radians(values["MNT1_YAW_MAX"]),
    )  # fmt: skip


def gimbal_manager_status(ap: "Autopilot") -> Message:
    """GIMBAL_MANAGER_STATUS: who steers."""
    flags = ap.gimbal.message(0).flags
    return mavlink.MAVLink_gimbal_manager_status_message(
        int(ap.craft.time_s * 1000), flags, GIMBAL_DEVICE_ID, *ap.gimbal.control, 0, 0
    )


def camera_feedback(ap: "Autopilot") -> Message | None:
    """CAMERA_FEEDBACK of the last picture."""
    return ap.shutter.last


def camera_information(ap: "Autopilot") -> Message | None:
    """CAMERA_INFORMATION, where there is a shutter."""
    return ap.shutter.information()


def camera_capture_status(ap: "Autopilot") -> Message | None:
    """CAMERA_CAPTURE_STATUS, where there is a shutter."""
    return ap.shutter.capture_status()


def camera_settings(ap: "Autopilot") -> Message | None:
    """CAMERA_SETTINGS, where there is a shutter."""
    return ap.shutter.settings()


def meminfo(ap: "Autopilot") -> Message:
    """MEMINFO, which ground stations ask for with the extended status."""
    del ap
    return mavlink.MAVLink_meminfo_message(0, 65535, 131072)
