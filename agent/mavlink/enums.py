"""The numbers of MAVLink that the agent uses, by their names in the standard.

Kept here so that packages above need not know pymavlink. A test compares every member with the generated dialect.
"""

from enum import IntEnum, IntFlag

AUTOPILOT_COMPONENT = 1
"""MAV_COMP_ID_AUTOPILOT1: everything else with the drone's system id is a gimbal, a camera or another device."""


class Autopilot(IntEnum):
    """MAV_AUTOPILOT, as far as there is a driver."""

    ARDUPILOTMEGA = 3
    INVALID = 8
    PX4 = 12


class Cmd(IntEnum):
    """MAV_CMD."""

    NAV_WAYPOINT = 16
    NAV_RETURN_TO_LAUNCH = 20
    NAV_LAND = 21
    NAV_TAKEOFF = 22
    CONDITION_YAW = 115
    DO_SET_MODE = 176
    DO_CHANGE_SPEED = 178
    DO_REPOSITION = 192
    DO_PAUSE_CONTINUE = 193
    DO_SET_ROI_LOCATION = 195
    DO_SET_ROI_NONE = 197
    DO_MOUNT_CONTROL = 205
    DO_SET_MISSION_CURRENT = 224
    PREFLIGHT_REBOOT_SHUTDOWN = 246
    MISSION_START = 300
    COMPONENT_ARM_DISARM = 400
    SET_MESSAGE_INTERVAL = 511
    REQUEST_MESSAGE = 512
    DO_GIMBAL_MANAGER_PITCHYAW = 1000
    DO_GIMBAL_MANAGER_CONFIGURE = 1001
    SET_CAMERA_ZOOM = 531
    SET_CAMERA_FOCUS = 532
    IMAGE_START_CAPTURE = 2000
    VIDEO_START_CAPTURE = 2500
    VIDEO_STOP_CAPTURE = 2501
    NAV_FENCE_POLYGON_VERTEX_INCLUSION = 5001
    NAV_FENCE_POLYGON_VERTEX_EXCLUSION = 5002
    NAV_FENCE_CIRCLE_INCLUSION = 5003
    NAV_FENCE_CIRCLE_EXCLUSION = 5004
    NAV_RALLY_POINT = 5100


class Frame(IntEnum):
    """MAV_FRAME."""

    GLOBAL = 0
    LOCAL_NED = 1
    MISSION = 2
    GLOBAL_RELATIVE_ALT = 3
    GLOBAL_INT = 5
    GLOBAL_RELATIVE_ALT_INT = 6
    BODY_FRD = 12


class Result(IntEnum):
    """MAV_RESULT."""

    ACCEPTED = 0
    TEMPORARILY_REJECTED = 1
    DENIED = 2
    UNSUPPORTED = 3
    FAILED = 4
    IN_PROGRESS = 5
    CANCELLED = 6


class MissionType(IntEnum):
    """MAV_MISSION_TYPE."""

    MISSION = 0
    FENCE = 1
    RALLY = 2


class MissionResult(IntEnum):
    """MAV_MISSION_RESULT."""

    ACCEPTED = 0
    ERROR = 1
    UNSUPPORTED_FRAME = 2
    UNSUPPORTED = 3
    NO_SPACE = 4
    INVALID = 5
    INVALID_PARAM1 = 6
    INVALID_PARAM2 = 7
    INVALID_PARAM3 = 8
    INVALID_PARAM4 = 9
    INVALID_PARAM5_X = 10
    INVALID_PARAM6_Y = 11
    INVALID_PARAM7 = 12
    INVALID_SEQUENCE = 13
    DENIED = 14
    OPERATION_CANCELLED = 15


class MissionState(IntEnum):
    """MISSION_STATE."""

    UNKNOWN = 0
    NO_MISSION = 1
    NOT_STARTED = 2
    ACTIVE = 3
    PAUSED = 4
    COMPLETE = 5


class ModeFlag(IntFlag):
    """MAV_MODE_FLAG."""

    CUSTOM_MODE_ENABLED = 1
    SAFETY_ARMED = 128


class Capability(IntFlag):
    """MAV_PROTOCOL_CAPABILITY, as far as the agent asks for it; other bits are kept."""

    MISSION_INT = 4
    COMMAND_INT = 8
    FTP = 32
    MAVLINK2 = 8192
    MISSION_FENCE = 16384
    MISSION_RALLY = 32768


class RepositionFlag(IntFlag):
    """MAV_DO_REPOSITION_FLAGS."""

    CHANGE_MODE = 1


class MountMode(IntEnum):
    """MAV_MOUNT_MODE."""

    MAVLINK_TARGETING = 2


class ParamError(IntEnum):
    """MAV_PARAM_ERROR."""

    NO_ERROR = 0
    DOES_NOT_EXIST = 1
    VALUE_OUT_OF_RANGE = 2
    PERMISSION_DENIED = 3
    COMPONENT_NOT_FOUND = 4
    READ_ONLY = 5
