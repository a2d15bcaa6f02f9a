"""Builds the messages that the agent sends. Plain values in, bodies of the generated dialect out."""

from pymavlink.dialects.v20 import ardupilotmega as dialect

from agent.core.geo import LatLon
from agent.mavlink.codec import Body
from agent.mavlink.enums import Frame, MissionType
from agent.mavlink.scale import scaled

_AUTOPILOT_COMPONENT = 1
_NAN = float("nan")


def ground_station_heartbeat() -> Body:
    """HEARTBEAT of a ground station that is active."""
    return dialect.MAVLink_heartbeat_message(6, 8, 0, 0, 4, 3)


def command_long(
    system: int, command: int, params: tuple[float, ...], confirmation: int, component: int = _AUTOPILOT_COMPONENT
) -> Body:
    """COMMAND_LONG; missing parameters are 0."""
    padded = (*params, *(0.0,) * (7 - len(params)))
    return dialect.MAVLink_command_long_message(system, component, command, confirmation, *padded)


def command_int(system: int, command: int, params: tuple[float, ...], place: LatLon, alt_m: float, frame: Frame) -> Body:
    """COMMAND_INT with a place; params are 1 to 4, missing ones are 0."""
    padded = (*params, *(0.0,) * (4 - len(params)))
    x, y = scaled(place)
    return dialect.MAVLink_command_int_message(system, _AUTOPILOT_COMPONENT, frame, command, 0, 0, *padded, x, y, alt_m)


def setup_signing(system: int, key: bytes, stamp: int) -> Body:
    """SETUP_SIGNING: gives the drone the key and a time stamp to begin with; zeros for both end signing."""
    return dialect.MAVLink_setup_signing_message(system, _AUTOPILOT_COMPONENT, list(key), stamp)


def timesync(sent_ns: int) -> Body:
    """TIMESYNC request."""
    return dialect.MAVLink_timesync_message(0, sent_ns)


def param_request(system: int, name: str) -> Body:
    """PARAM_REQUEST_READ by name."""
    return dialect.MAVLink_param_request_read_message(system, _AUTOPILOT_COMPONENT, name.encode("ascii"), -1)


def param_request_index(system: int, index: int) -> Body:
    """PARAM_REQUEST_READ by place in the list."""
    return dialect.MAVLink_param_request_read_message(system, _AUTOPILOT_COMPONENT, b"", index)


def param_request_list(system: int) -> Body:
    """PARAM_REQUEST_LIST."""
    return dialect.MAVLink_param_request_list_message(system, _AUTOPILOT_COMPONENT)


def param_set(system: int, name: str, value: float, kind: int) -> Body:
    """PARAM_SET; kind is MAV_PARAM_TYPE."""
    return dialect.MAVLink_param_set_message(system, _AUTOPILOT_COMPONENT, name.encode("ascii"), value, kind)


def mission_count(system: int, count: int, kind: MissionType) -> Body:
    """MISSION_COUNT: offers items."""
    return dialect.MAVLink_mission_count_message(system, _AUTOPILOT_COMPONENT, count, kind)


def mission_request_list(system: int, kind: MissionType) -> Body:
    """MISSION_REQUEST_LIST: asks how many items there are."""
    return dialect.MAVLink_mission_request_list_message(system, _AUTOPILOT_COMPONENT, kind)


def mission_request_int(system: int, seq: int, kind: MissionType) -> Body:
    """MISSION_REQUEST_INT: asks for one item."""
    return dialect.MAVLink_mission_request_int_message(system, _AUTOPILOT_COMPONENT, seq, kind)


def mission_clear_all(system: int, kind: MissionType) -> Body:
    """MISSION_CLEAR_ALL."""
    return dialect.MAVLink_mission_clear_all_message(system, _AUTOPILOT_COMPONENT, kind)


def mission_ack(system: int, result: int, kind: MissionType) -> Body:
    """MISSION_ACK."""
    return dialect.MAVLink_mission_ack_message(system, _AUTOPILOT_COMPONENT, result, kind)


def mission_set_current(system: int, seq: int) -> Body:
    """MISSION_SET_CURRENT: the message PX4 wants in place of the command."""
    return dialect.MAVLink_mission_set_current_message(system, _AUTOPILOT_COMPONENT, seq)
