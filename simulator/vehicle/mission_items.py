"""Mission, fence and rally items: what is taken, what is refused and how, and what reads back.

As measured on ArduCopter 4.6.3: nonsense such as 0/0, 5,000 km away or -500 m is taken; a wrong frame, an unknown command, a
latitude of 95 degrees or a NaN is refused with its own result. Parameters that the autopilot does not keep read back as 0.
"""

import math
from dataclasses import dataclass, replace
from typing import Final

from simulator.vehicle.wire import Message, mavlink

MISSION, FENCE, RALLY = 0, 1, 2
MISSION_TYPES: Final = (MISSION, FENCE, RALLY)

GLOBAL, MISSION_FRAME, RELATIVE, GLOBAL_INT, RELATIVE_INT, TERRAIN, TERRAIN_INT = 0, 2, 3, 5, 6, 10, 11
_STORED_FRAME: Final = {
    GLOBAL: GLOBAL,
    MISSION_FRAME: GLOBAL,
    RELATIVE: RELATIVE,
    GLOBAL_INT: GLOBAL,
    RELATIVE_INT: RELATIVE,
    TERRAIN: TERRAIN,
    TERRAIN_INT: TERRAIN,
}


@dataclass(frozen=True, slots=True)
class Item:
    """One stored item; latitude and longitude stay the wire's exact integers."""

    command: int
    frame: int
    params: tuple[float, float, float, float]
    lat_e7: int
    lon_e7: int
    alt_m: float


@dataclass(frozen=True, slots=True)
class Kind:
    """What the autopilot makes of a command in a mission.

    Attributes:
        name: as STATUSTEXT "Mission: 3 WP" has it.
        keeps: which of param1..4 read back.
        located: whether x, y, z are a place.
        nav: whether it takes time and is a step of its own; else it is done in passing.
        condition: whether it holds back the DO items after it.
    """

    name: str
    keeps: tuple[int, ...] = ()
    located: bool = False
    nav: bool = False
    condition: bool = False


def _nav(name: str, *keeps: int, located: bool = True) -> Kind:
    return Kind(name, keeps, located=located, nav=True)


def _do(name: str, *keeps: int, located: bool = False) -> Kind:
    return Kind(name, keeps, located=located)


KINDS: Final[dict[int, Kind]] = {
    mavlink.MAV_CMD_NAV_WAYPOINT: _nav("WP", 1),
    mavlink.MAV_CMD_NAV_LOITER_UNLIM: _nav("LoitUnlim", 3),
    mavlink.MAV_CMD_NAV_LOITER_TURNS: _nav("LoitTurns", 1, 3),
    mavlink.MAV_CMD_NAV_LOITER_TIME: _nav("LoitTime", 1, 3),
    mavlink.MAV_CMD_NAV_RETURN_TO_LAUNCH: _nav("RTL", located=False),
    mavlink.MAV_CMD_NAV_LAND: _nav("Land", 1),
    mavlink.MAV_CMD_NAV_TAKEOFF: _nav("Takeoff", 1),
    mavlink.MAV_CMD_NAV_SPLINE_WAYPOINT: _nav("SplineWP", 1),
    mavlink.MAV_CMD_NAV_DELAY: _nav("Delay", 1, 2, 3, 4, located=False),
    mavlink.MAV_CMD_CONDITION_DELAY: Kind("CondDelay", (1,), condition=True),
    mavlink.MAV_CMD_CONDITION_DISTANCE: Kind("CondDist", (1,), condition=True),
    mavlink.MAV_CMD_CONDITION_YAW: Kind("CondYaw", (1, 2, 3, 4), condition=True),
    mavlink.MAV_CMD_DO_JUMP: _do("Jump", 1, 2),
    mavlink.MAV_CMD_DO_CHANGE_SPEED: _do("ChangeSpeed", 1, 2, 3),
    mavlink.MAV_CMD_DO_SET_HOME: _do("SetHome", 1, located=True),
    mavlink.MAV_CMD_DO_LAND_START: _do("LandStart", located=True),
    mavlink.MAV_CMD_DO_SET_ROI: _do("SetROI", 1, located=True),
    mavlink.MAV_CMD_DO_SET_ROI_LOCATION: _do("SetROILoc", 1, located=True),
    mavlink.MAV_CMD_DO_SET_ROI_NONE: _do("SetROINone", 1),
    mavlink.MAV_CMD_DO_DIGICAM_CONTROL: _do("DigiCamCtrl", 1, 2, 3, 4),
    mavlink.MAV_CMD_DO_MOUNT_CONTROL: _do("MountControl", 1, 2, 3),
    mavlink.MAV_CMD_DO_GIMBAL_MANAGER_PITCHYAW: _do("GimbalPitchYaw", 1, 2, 3, 4),
    mavlink.MAV_CMD_DO_SET_CAM_TRIGG_DIST: _do("SetCamTrigDst", 1, 3),
    mavlink.MAV_CMD_IMAGE_START_CAPTURE: _do("ImageStartCapture", 1, 2, 3, 4),
    mavlink.MAV_CMD_IMAGE_STOP_CAPTURE: _do("ImageStopCapture", 1),
    mavlink.MAV_CMD_VIDEO_START_CAPTURE: _do("VideoStartCapture", 1),
    mavlink.MAV_CMD_VIDEO_STOP_CAPTURE: _do("VideoStopCapture", 1),
    mavlink.MAV_CMD_SET_CAMERA_ZOOM: _do("SetCameraZoom", 1, 2),
    mavlink.MAV_CMD_DO_FENCE_ENABLE: _do("FenceEnable", 1),
    mavlink.MAV_CMD_DO_SET_SERVO: _do("SetServo", 1, 2),
    mavlink.MAV_CMD_DO_SET_RELAY: _do("SetRelay", 1, 2),
}

VERTICES: Final = (mavlink.MAV_CMD_NAV_FENCE_POLYGON_VERTEX_INCLUSION, mavlink.MAV_CMD_NAV_FENCE_POLYGON_VERTEX_EXCLUSION)
CIRCLES: Final = (mavlink.MAV_CMD_NAV_FENCE_CIRCLE_INCLUSION, mavlink.MAV_CMD_NAV_FENCE_CIRCLE_EXCLUSION)
_FENCE_COMMANDS: Final = (*VERTICES, *CIRCLES, mavlink.MAV_CMD_NAV_FENCE_RETURN_POINT)

_YAW_MAY_BE_NAN: Final = (mavlink.MAV_CMD_NAV_WAYPOINT, mavlink.MAV_CMD_NAV_LAND, mavlink.MAV_CMD_NAV_TAKEOFF)

_ACCEPTED = int(mavlink.MAV_MISSION_ACCEPTED)
_PARAM_RESULTS: Final = (
    int(mavlink.MAV_MISSION_INVALID_PARAM1),
    int(mavlink.MAV_MISSION_INVALID_PARAM2),
    int(mavlink.MAV_MISSION_INVALID_PARAM3),
    int(mavlink.MAV_MISSION_INVALID_PARAM4),
)


def kind_of(item: Item) -> Kind:
    """The row of a stored mission item."""
    return KINDS[item.command]


def item_of(message: Message) -> Item:
    """The item as it came in MISSION_ITEM_INT."""
    params = (float(message.param1), float(message.param2), float(message.param3), float(message.param4))
    return Item(int(message.command), int(message.frame), params, int(message.x), int(message.y), float(message.z))


def accept(item: Item, mission_type: int) -> tuple[int, Item]:
    """Judges an uploaded item.

    Returns:
        MAV_MISSION_RESULT and, when it is accepted, the item as it is kept.
    """
    if mission_type == MISSION:
        return _accept_mission(item)
    wanted = _FENCE_COMMANDS if mission_type == FENCE else (mavlink.MAV_CMD_NAV_RALLY_POINT,)
    if item.command not in wanted:
        return int(mavlink.MAV_MISSION_UNSUPPORTED), item
    frames = (GLOBAL, GLOBAL_INT, RELATIVE, RELATIVE_INT)
    if item.frame not in frames:
        return int(mavlink.MAV_MISSION_UNSUPPORTED_FRAME), item
    # A fence's wrong place is found when the transfer ends; a rally point's is at once.
    result = _ACCEPTED if mission_type == FENCE else _place_result(item)
    kept_params = (item.params[0], 0.0, 0.0, 0.0) if mission_type == FENCE else (0.0, 0.0, 0.0, 0.0)
    frame = GLOBAL if mission_type == FENCE else _STORED_FRAME[item.frame]
    alt_m = 0.0 if mission_type == FENCE else float(math.trunc(item.alt_m)) if result == _ACCEPTED else 0.0
    return result, replace(item, params=kept_params, frame=frame, alt_m=alt_m)


def _accept_mission(item: Item) -> tuple[int, Item]:
    kind = KINDS.get(item.command)
    if kind is None:
        return int(mavlink.MAV_MISSION_UNSUPPORTED), item
    for index, value in enumerate(item.params):
        # NaN as yaw means "as it was" and is taken, in these commands only.
        allowed = index == 3 and item.command in _YAW_MAY_BE_NAN and math.isnan(value)
        if not math.isfinite(value) and not allowed:
            return _PARAM_RESULTS[index], item
    params = tuple(_kept(kind, item.params, index) for index in range(4))
    kept = replace(item, params=(params[0], params[1], params[2], params[3]))
    if not kind.located:
        return _ACCEPTED, replace(kept, frame=GLOBAL, lat_e7=0, lon_e7=0, alt_m=0.0)
    if item.frame not in _STORED_FRAME:
        return int(mavlink.MAV_MISSION_UNSUPPORTED_FRAME), item
    result = _place_result(item)
    if result != _ACCEPTED:
        return result, item
    # Altitudes are kept in whole centimetres.
    return _ACCEPTED, replace(kept, frame=_STORED_FRAME[item.frame], alt_m=round(item.alt_m * 100.0) / 100.0)


def _kept(kind: Kind, params: tuple[float, ...], index: int) -> float:
    if index + 1 not in kind.keeps or math.isnan(params[index]):
        return 0.0
    # Hold times and turns are kept in whole numbers.
    return float(math.trunc(params[index])) if kind.nav and index == 0 else params[index]


def _place_result(item: Item) -> int:
    if abs(item.lat_e7) > 900_000_000:
        return int(mavlink.MAV_MISSION_INVALID_PARAM5_X)
    if abs(item.lon_e7) > 1_800_000_000:
        return int(mavlink.MAV_MISSION_INVALID_PARAM6_Y)
    if not math.isfinite(item.alt_m) or abs(item.alt_m) >= 83_000.0:
        return int(mavlink.MAV_MISSION_INVALID_PARAM7)
    return _ACCEPTED


def item_message(item: Item, seq: int, mission_type: int, target: tuple[int, int], *, current: bool) -> Message:
    """The stored item as MISSION_ITEM_INT for the ground station that asked."""
    autocontinue = 1 if mission_type == MISSION else 0
    return mavlink.MAVLink_mission_item_int_message(
        target[0], target[1], seq, item.frame, item.command, int(current), autocontinue,
        *item.params, item.lat_e7, item.lon_e7, item.alt_m, mission_type,
    )  # fmt: skip
