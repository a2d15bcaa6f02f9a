"""Which messages can be asked for, and the old stream groups.

One row a message id; what has no row is refused with the words of the real autopilot.
"""

from typing import Final

from simulator.vehicle import reports, status_reports
from simulator.vehicle.reports import Builder
from simulator.vehicle.wire import mavlink

BUILDERS: Final[dict[int, Builder]] = {
    mavlink.MAVLINK_MSG_ID_HEARTBEAT: reports.heartbeat,
    mavlink.MAVLINK_MSG_ID_SYS_STATUS: status_reports.sys_status,
    mavlink.MAVLINK_MSG_ID_SYSTEM_TIME: reports.system_time,
    mavlink.MAVLINK_MSG_ID_GPS_RAW_INT: reports.gps_raw,
    mavlink.MAVLINK_MSG_ID_ATTITUDE: reports.attitude,
    mavlink.MAVLINK_MSG_ID_ATTITUDE_QUATERNION: reports.attitude_quaternion,
    mavlink.MAVLINK_MSG_ID_LOCAL_POSITION_NED: reports.local_position,
    mavlink.MAVLINK_MSG_ID_GLOBAL_POSITION_INT: reports.global_position,
    mavlink.MAVLINK_MSG_ID_SERVO_OUTPUT_RAW: status_reports.servo_output,
    mavlink.MAVLINK_MSG_ID_MISSION_CURRENT: reports.mission_current,
    mavlink.MAVLINK_MSG_ID_GPS_GLOBAL_ORIGIN: reports.gps_global_origin,
    mavlink.MAVLINK_MSG_ID_NAV_CONTROLLER_OUTPUT: reports.nav_controller,
    mavlink.MAVLINK_MSG_ID_RC_CHANNELS: status_reports.rc_channels,
    mavlink.MAVLINK_MSG_ID_VFR_HUD: reports.vfr_hud,
    mavlink.MAVLINK_MSG_ID_POSITION_TARGET_GLOBAL_INT: reports.position_target,
    mavlink.MAVLINK_MSG_ID_SIM_STATE: reports.sim_state,
    mavlink.MAVLINK_MSG_ID_BATTERY_STATUS: reports.battery_status,
    mavlink.MAVLINK_MSG_ID_AUTOPILOT_VERSION: status_reports.autopilot_version,
    mavlink.MAVLINK_MSG_ID_FENCE_STATUS: status_reports.fence_status,
    mavlink.MAVLINK_MSG_ID_MEMINFO: status_reports.meminfo,
    mavlink.MAVLINK_MSG_ID_WIND: reports.wind,
    mavlink.MAVLINK_MSG_ID_EKF_STATUS_REPORT: status_reports.ekf_status,
    mavlink.MAVLINK_MSG_ID_VIBRATION: reports.vibration,
    mavlink.MAVLINK_MSG_ID_HOME_POSITION: reports.home_position,
    mavlink.MAVLINK_MSG_ID_EXTENDED_SYS_STATE: reports.extended_sys_state,
    mavlink.MAVLINK_MSG_ID_CAMERA_FEEDBACK: status_reports.camera_feedback,
    mavlink.MAVLINK_MSG_ID_CAMERA_INFORMATION: status_reports.camera_information,
    mavlink.MAVLINK_MSG_ID_CAMERA_CAPTURE_STATUS: status_reports.camera_capture_status,
    mavlink.MAVLINK_MSG_ID_CAMERA_SETTINGS: status_reports.camera_settings,
    mavlink.MAVLINK_MSG_ID_GIMBAL_MANAGER_INFORMATION: status_reports.gimbal_manager_information,
    mavlink.MAVLINK_MSG_ID_GIMBAL_MANAGER_STATUS: status_reports.gimbal_manager_status,
    mavlink.MAVLINK_MSG_ID_GIMBAL_DEVICE_ATTITUDE_STATUS: status_reports.gimbal_device_attitude,
}

GROUPS: Final[dict[int, tuple[str, tuple[int, ...]]]] = {
    mavlink.MAV_DATA_STREAM_EXTENDED_STATUS: (
        "SR0_EXT_STAT",
        (
            mavlink.MAVLINK_MSG_ID_SYS_STATUS,
            mavlink.MAVLINK_MSG_ID_MEMINFO,
            mavlink.MAVLINK_MSG_ID_MISSION_CURRENT,
            mavlink.MAVLINK_MSG_ID_GPS_RAW_INT,
            mavlink.MAVLINK_MSG_ID_NAV_CONTROLLER_OUTPUT,
            mavlink.MAVLINK_MSG_ID_FENCE_STATUS,
            mavlink.MAVLINK_MSG_ID_POSITION_TARGET_GLOBAL_INT,
        ),
    ),
    mavlink.MAV_DATA_STREAM_POSITION: (
        "SR0_POSITION",
        (mavlink.MAVLINK_MSG_ID_GLOBAL_POSITION_INT, mavlink.MAVLINK_MSG_ID_LOCAL_POSITION_NED),
    ),
    mavlink.MAV_DATA_STREAM_RC_CHANNELS: (
        "SR0_RC_CHAN",
        (mavlink.MAVLINK_MSG_ID_SERVO_OUTPUT_RAW, mavlink.MAVLINK_MSG_ID_RC_CHANNELS),
    ),
    mavlink.MAV_DATA_STREAM_EXTRA1: ("SR0_EXTRA1", (mavlink.MAVLINK_MSG_ID_ATTITUDE,)),
    mavlink.MAV_DATA_STREAM_EXTRA2: ("SR0_EXTRA2", (mavlink.MAVLINK_MSG_ID_VFR_HUD,)),
    mavlink.MAV_DATA_STREAM_EXTRA3: (
        "SR0_EXTRA3",
        (
            mavlink.MAVLINK_MSG_ID_SYSTEM_TIME,
            mavlink.MAVLINK_MSG_ID_WIND,
            mavlink.MAVLINK_MSG_ID_BATTERY_STATUS,
            mavlink.MAVLINK_MSG_ID_GIMBAL_DEVICE_ATTITUDE_STATUS,
            mavlink.MAVLINK_MSG_ID_EKF_STATUS_REPORT,
            mavlink.MAVLINK_MSG_ID_VIBRATION,
        ),
    ),
}
"""MAV_DATA_STREAM -> the parameter with its default rate (Hz) and its messages."""

FASTEST_HZ: Final = 400.0
