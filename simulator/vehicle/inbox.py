"""What the autopilot does with each message it takes: one row a message type.

Knows the autopilot and the link a message came from. Messages for other systems never come here; see ``router``.
"""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from agent.core.geo import LatLon
from simulator.vehicle import commands
from simulator.vehicle.housekeeping import COMMANDS, order_of
from simulator.vehicle.mission_items import MISSION, RELATIVE, RELATIVE_INT, TERRAIN, TERRAIN_INT
from simulator.vehicle.modes import AUTO, Guided
from simulator.vehicle.streams import BUILDERS, GROUPS
from simulator.vehicle.trajectory import Vector
from simulator.vehicle.wire import Message, deg_from_e7, e7, mavlink, text_of

if TYPE_CHECKING:
    from simulator.vehicle.autopilot import Autopilot
    from simulator.vehicle.channel import Channel

Handler = Callable[["Autopilot", "Channel", Message], None]

_IGNORE_POSITION: Final = 0b0000_0000_0111
_IGNORE_VELOCITY: Final = 0b0000_0011_1000
_IGNORE_YAW: Final = 0b0100_0000_0000
_IGNORE_YAW_RATE: Final = 0b1000_0000_0000


def _heartbeat(ap: "Autopilot", channel: "Channel", message: Message) -> None:
    del channel
    if message.get_srcSystem() == int(ap.parameters["SYSID_MYGCS"]):
        ap.failsafes.gcs_heard_s = max(ap.craft.time_s, ap.wire_time_s)


def _command(ap: "Autopilot", channel: "Channel", message: Message) -> None:
    handler = COMMANDS.get(message.command)
    result = commands.UNSUPPORTED if handler is None else handler(ap, order_of(message, channel))
    peer = (message.get_srcSystem(), message.get_srcComponent())
    channel.send(mavlink.MAVLink_command_ack_message(message.command, result, 0, 0, *peer))


def _set_mode(ap: "Autopilot", channel: "Channel", message: Message) -> None:
    result = commands.ACCEPTED if ap.set_mode(int(message.custom_mode), "GCS command") else commands.FAILED
    channel.send(mavlink.MAVLink_command_ack_message(mavlink.MAVLINK_MSG_ID_SET_MODE, result))


# -- parameters ------------------------------------------------------------------------------------------------------------


def _param_list(ap: "Autopilot", channel: "Channel", message: Message) -> None:
    del ap, message
    channel.replies.ask_list()


def _param_read(ap: "Autopilot", channel: "Channel", message: Message) -> None:
    channel.replies.ask(message, ap.craft.time_s)


def _param_set(ap: "Autopilot", channel: "Channel", message: Message) -> None:
    del channel
    name = text_of(message.param_id)
    if ap.parameters.set(name, float(message.param_value)):
        ap.emit(ap.parameters.value_message(name))


def _file_transfer(ap: "Autopilot", channel: "Channel", message: Message) -> None:
    peer = (message.get_srcSystem(), message.get_srcComponent())
    ap.ftp.take(channel.send, peer, bytes(message.payload), ap.craft.time_s)


def _setup_signing(ap: "Autopilot", channel: "Channel", message: Message) -> None:
    """SETUP_SIGNING is never answered: the next messages are signed with the key, or not."""
    del channel
    if ap.craft.armed:
        ap.say("ERROR: Won't setup signing when armed", mavlink.MAV_SEVERITY_WARNING)
        return
    ap.signing.set_up(message)


def _landing_target(ap: "Autopilot", channel: "Channel", message: Message) -> None:
    del channel
    ap.precland.take(message)


# -- streams ---------------------------------------------------------------------------------------------------------------


def _data_stream(ap: "Autopilot", channel: "Channel", message: Message) -> None:
    rate_hz = float(message.req_message_rate) if message.start_stop else 0.0
    chosen = GROUPS.values() if message.req_stream_id == mavlink.MAV_DATA_STREAM_ALL else ()
    group = GROUPS.get(message.req_stream_id)
    for _, ids in [group] if group else chosen:
        for message_id in ids:
            channel.set_rate(message_id, 1.0 / rate_hz if rate_hz > 0 else 0.0, ap.craft.time_s)


def _timesync(ap: "Autopilot", channel: "Channel", message: Message) -> None:
    if message.tc1 == 0:
        channel.send(mavlink.MAVLink_timesync_message(int(ap.craft.time_s * 1e9), message.ts1))


# -- missions --------------------------------------------------------------------------------------------------------------


def _mission(method: str) -> Handler:
    """A handler that picks the server of the message's mission type."""

    def handler(ap: "Autopilot", channel: "Channel", message: Message) -> None:
        kind = int(getattr(message, "mission_type", MISSION))
        server = ap.servers.get(kind)
        peer = (message.get_srcSystem(), message.get_srcComponent())
        if server is None:
            channel.send(mavlink.MAVLink_mission_ack_message(*peer, mavlink.MAV_MISSION_UNSUPPORTED, kind))
        elif method == "count":
            server.count(message, channel.send, ap.craft.time_s, ready=ap.boot.ready)
        elif method == "partial":
            server.partial(message, channel.send, ap.craft.time_s)
        elif method == "item":
            server.item(message, channel.send, ap.craft.time_s)
        elif method == "list":
            server.request_list(message, channel.send)
        else:
            server.request_item(message, channel.send)

    return handler


def _mission_item_float(ap: "Autopilot", channel: "Channel", message: Message) -> None:
    """MISSION_ITEM: the old form, with coordinates as floats."""
    as_int = mavlink.MAVLink_mission_item_int_message(
        message.target_system, message.target_component, message.seq, message.frame, message.command, message.current,
        message.autocontinue, message.param1, message.param2, message.param3, message.param4, e7(message.x), e7(message.y),
        message.z, message.mission_type,
    )  # fmt: skip
    as_int._header = message._header  # noqa: SLF001 the sender's ids live there; the library has no other way
    _mission("item")(ap, channel, as_int)


def _mission_clear(ap: "Autopilot", channel: "Channel", message: Message) -> None:
    server = ap.servers.get(int(message.mission_type))
    if server is None:
        return
    before = ap.store.count(MISSION)
    server.clear(message, channel.send)
    if before and ap.store.count(MISSION) == 0:
        ap.run.forget()


def _mission_set_current(ap: "Autopilot", channel: "Channel", message: Message) -> None:
    del channel
    if ap.run.set_current(int(message.seq), reset=False, running=ap.mode.number == AUTO):
        ap.emit(BUILDERS[mavlink.MAVLINK_MSG_ID_MISSION_CURRENT](ap))


# -- set-points ------------------------------------------------------------------------------------------------------------


def _target_global(ap: "Autopilot", channel: "Channel", message: Message) -> None:
    del channel
    craft, frame = ap.craft, message.coordinate_frame
    latlon = LatLon(deg_from_e7(message.lat_int), deg_from_e7(message.lon_int))
    flat = craft.vector_of(latlon, craft.place.alt_amsl_m)
    if frame in (RELATIVE, RELATIVE_INT):
        up_m = craft.home_up_m + message.alt
    elif frame in (TERRAIN, TERRAIN_INT):
        up_m = craft.ground_up_at(flat) + message.alt
    else:
        up_m = message.alt - craft.place.alt_amsl_m
    _fly_target(ap, message, (flat[0], flat[1], up_m))


def _target_local(ap: "Autopilot", channel: "Channel", message: Message) -> None:
    del channel
    craft, frame = ap.craft, message.coordinate_frame
    north, east, up = float(message.x), float(message.y), -float(message.z)
    if frame in (mavlink.MAV_FRAME_BODY_NED, mavlink.MAV_FRAME_BODY_OFFSET_NED):
        north, east = _turned(north, east, craft.body.yaw)
    if frame in (mavlink.MAV_FRAME_LOCAL_OFFSET_NED, mavlink.MAV_FRAME_BODY_NED, mavlink.MAV_FRAME_BODY_OFFSET_NED):
        here = craft.position()
        north, east, up = north + here[0], east + here[1], up + here[2]
    _fly_target(ap, message, (north, east, up))


def _turned(forward: float, right: float, yaw: float) -> tuple[float, float]:
    cos_y, sin_y = math.cos(yaw), math.sin(yaw)
    return (forward * cos_y - right * sin_y, forward * sin_y + right * cos_y)


def _fly_target(ap: "Autopilot", message: Message, place: Vector) -> None:
    """In another mode than GUIDED, or outside the fence, it is ignored in silence."""
    guided, mask = ap.behaviour, int(message.type_mask)
    if not isinstance(guided, Guided) or ap.craft.landed:
        return
    velocity = (float(message.vx), float(message.vy), -float(message.vz))
    if message.coordinate_frame in (mavlink.MAV_FRAME_BODY_NED, mavlink.MAV_FRAME_BODY_OFFSET_NED):
        velocity = (*_turned(velocity[0], velocity[1], ap.craft.body.yaw), velocity[2])
    if not mask & _IGNORE_POSITION:
        if not all(math.isfinite(value) for value in place) or ap.fence.breaches(place):
            return
        guided.go(ap.craft, place)
    elif not mask & _IGNORE_VELOCITY and all(math.isfinite(value) for value in velocity):
        guided.fly(ap.craft, velocity)
    else:
        return
    if not mask & _IGNORE_YAW and math.isfinite(message.yaw):
        ap.craft.yaw_target, ap.craft.yaw_rate = float(message.yaw), None
    elif not mask & _IGNORE_YAW_RATE and math.isfinite(message.yaw_rate):
        ap.craft.yaw_rate = float(message.yaw_rate)


# -- sticks ----------------------------------------------------------------------------------------------------------------


def _rc_override(ap: "Autopilot", channel: "Channel", message: Message) -> None:
    del channel
    if message.get_srcSystem() == int(ap.parameters["SYSID_MYGCS"]):
        values = [int(getattr(message, f"chan{index}_raw")) for index in range(1, 9)]
        ap.rc.override(values, ap.craft.time_s)


def _manual_control(ap: "Autopilot", channel: "Channel", message: Message) -> None:
    del channel
    if message.get_srcSystem() != int(ap.parameters["SYSID_MYGCS"]):
        return
    values = [1500 + message.y * 0.4, 1500 - message.x * 0.4, 1000 + message.z, 1500 + message.r * 0.4]
    ap.rc.override([int(value) for value in values], ap.craft.time_s)


HANDLERS: Final[dict[str, Handler]] = {
    "HEARTBEAT": _heartbeat,
    "COMMAND_LONG": _command,
    "COMMAND_INT": _command,
    "SET_MODE": _set_mode,
    "PARAM_REQUEST_LIST": _param_list,
    "PARAM_REQUEST_READ": _param_read,
    "PARAM_SET": _param_set,
    "FILE_TRANSFER_PROTOCOL": _file_transfer,
    "REQUEST_DATA_STREAM": _data_stream,
    "TIMESYNC": _timesync,
    "SETUP_SIGNING": _setup_signing,
    "MISSION_COUNT": _mission("count"),
    "MISSION_ITEM_INT": _mission("item"),
    "MISSION_ITEM": _mission_item_float,
    "MISSION_WRITE_PARTIAL_LIST": _mission("partial"),
    "MISSION_REQUEST_LIST": _mission("list"),
    "MISSION_REQUEST_INT": _mission("request"),
    "MISSION_REQUEST": _mission("request"),
    "MISSION_CLEAR_ALL": _mission_clear,
    "MISSION_SET_CURRENT": _mission_set_current,
    "SET_POSITION_TARGET_GLOBAL_INT": _target_global,
    "SET_POSITION_TARGET_LOCAL_NED": _target_local,
    "LANDING_TARGET": _landing_target,
    "RC_CHANNELS_OVERRIDE": _rc_override,
    "MANUAL_CONTROL": _manual_control,
}
