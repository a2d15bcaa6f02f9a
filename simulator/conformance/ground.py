"""Probes of a vehicle that stands: who it is, its streams, parameters and lists, and what keeps it from arming."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from simulator.conformance import lists
from simulator.conformance.lists import FENCE, MISSION, RALLY, Item
from simulator.conformance.probe import Asked, Family, Probe, each, same
from simulator.conformance.talk import SILENCE
from simulator.vehicle.wire import mavlink

_CAPABILITIES: Final = (
    ("mission", mavlink.MAV_PROTOCOL_CAPABILITY_MISSION_INT), ("command int", mavlink.MAV_PROTOCOL_CAPABILITY_COMMAND_INT),
    ("ftp", mavlink.MAV_PROTOCOL_CAPABILITY_FTP), ("fence", mavlink.MAV_PROTOCOL_CAPABILITY_MISSION_FENCE),
    ("rally", mavlink.MAV_PROTOCOL_CAPABILITY_MISSION_RALLY),
)  # fmt: skip
_UNKNOWN_MESSAGE, _UNKNOWN_COMMAND = 9999.0, 31999
_ROWS: Final = ((60.0, 0.0), (60.0, 60.0), (0.0, 60.0))


def mission(asked: Asked) -> list[Item]:
    """A take-off, three places and the way home, in the vehicle's own way."""
    home_first = asked.family is Family.ARDUPILOT
    lat, lon = asked.place_e7(0.0, 0.0)
    items = [Item(mavlink.MAV_CMD_NAV_WAYPOINT, lat, lon, 0.0, frame=mavlink.MAV_FRAME_GLOBAL)] if home_first else []
    items.append(Item(mavlink.MAV_CMD_NAV_TAKEOFF, lat, lon, 15.0))
    items += [Item(mavlink.MAV_CMD_NAV_WAYPOINT, *asked.place_e7(*row), 20.0) for row in _ROWS]
    items.append(Item(mavlink.MAV_CMD_NAV_RETURN_TO_LAUNCH, frame=mavlink.MAV_FRAME_MISSION))
    return items


def fence(asked: Asked, north_m: float = 0.0, half_m: float = 300.0) -> list[Item]:
    """A square to stay in."""
    corners = ((-half_m, -half_m), (-half_m, half_m), (half_m, half_m), (half_m, -half_m))
    kind, vertices = mavlink.MAV_CMD_NAV_FENCE_POLYGON_VERTEX_INCLUSION, (4.0, 0.0, 0.0, 0.0)
    return [
        Item(kind, *asked.place_e7(north + north_m, east), params=vertices, frame=mavlink.MAV_FRAME_GLOBAL)
        for north, east in corners
    ]


async def autopilot(asked: Asked) -> str:
    """Who beats."""
    beat = await asked.talk.wait("HEARTBEAT", timeout_s=3.0)
    return SILENCE if beat is None else f"type {beat.type}, autopilot {beat.autopilot}"


async def heartbeat_rate(asked: Asked) -> str:
    """Beats in ten seconds."""
    since_s = asked.talk.now_s
    await asyncio.sleep(10.0)
    return "once a second" if 8 <= len(asked.talk.since(since_s, "HEARTBEAT")) <= 12 else "not once a second"


async def version(asked: Asked) -> str:
    """What it says it can do."""
    since_s = asked.talk.now_s
    await asked.talk.command(mavlink.MAV_CMD_REQUEST_MESSAGE, float(mavlink.MAVLINK_MSG_ID_AUTOPILOT_VERSION))
    told = await asked.talk.wait("AUTOPILOT_VERSION", since_s=since_s)
    return SILENCE if told is None else ", ".join(name for name, bit in _CAPABILITIES if told.capabilities & bit)


async def clock(asked: Asked) -> str:
    """TIMESYNC."""
    since_s = asked.talk.now_s
    asked.talk.send(mavlink.MAVLink_timesync_message(0, 12345))
    told = await asked.talk.wait("TIMESYNC", lambda m: m.ts1 == 12345 and m.tc1 != 0, since_s=since_s)
    return SILENCE if told is None else "answered"


async def interval(asked: Asked) -> str:
    """A message at ten a second."""
    result = await asked.talk.command(mavlink.MAV_CMD_SET_MESSAGE_INTERVAL, float(mavlink.MAVLINK_MSG_ID_ATTITUDE), 1e5)
    await asyncio.sleep(1.0)
    since_s = asked.talk.now_s
    await asyncio.sleep(5.0)
    rate = len(asked.talk.since(since_s, "ATTITUDE")) / 5.0
    return f"{result}, {'as asked' if 8.0 <= rate <= 12.0 else 'another rate'}"


async def unknown_interval(asked: Asked) -> str:
    """An interval for a message that there is not."""
    return await asked.talk.command(mavlink.MAV_CMD_SET_MESSAGE_INTERVAL, _UNKNOWN_MESSAGE, 1e5)


async def unknown_request(asked: Asked) -> str:
    """A message that there is not."""
    return await asked.talk.command(mavlink.MAV_CMD_REQUEST_MESSAGE, _UNKNOWN_MESSAGE)


async def unknown_command(asked: Asked) -> str:
    """A command that there is not."""
    return await asked.talk.command(_UNKNOWN_COMMAND)


_OWN_PARAMETER: Final = {Family.ARDUPILOT: ("DISARM_DELAY", 12.0), Family.PX4: ("COM_DISARM_PRFLT", 12.0)}


async def set_parameter(asked: Asked) -> str:
    """Set, answered, read back."""
    name, value = _OWN_PARAMETER[asked.family]
    told = await asked.talk.set_parameter(name, value)
    read = await asked.talk.parameter(name)
    answers = [
        SILENCE if m is None else ("as set" if abs(m.param_value - value) < 1e-3 else "another value") for m in (told, read)
    ]
    return f"{answers[0]}, reads {answers[1]}"


async def unknown_parameter(asked: Asked) -> str:
    """A parameter that there is not."""
    return SILENCE if await asked.talk.parameter("NO_SUCH_THING") is None else "a value"


async def whole_mission(asked: Asked) -> str:
    """One by one, and how many are then on board."""
    items = mission(asked)
    answer = await lists.upload(asked.talk, MISSION, items)
    return f"{answer}, {await lists.count(asked.talk, MISSION)} of {len(items)} on board"


async def how_it_asks(asked: Asked) -> str:
    """The request after a count; the transfer is then cancelled."""
    request = await lists.request_of(asked.talk, MISSION, 2)
    since_s = asked.talk.now_s
    asked.talk.send(mavlink.MAVLink_mission_ack_message(1, 1, mavlink.MAV_MISSION_OPERATION_CANCELLED, MISSION))
    await asyncio.sleep(1.0)
    again = asked.talk.since(since_s + 0.3, "MISSION_REQUEST", "MISSION_REQUEST_INT")
    if again:
        await lists.ack(asked.talk, MISSION, since_s, 15.0)
    return SILENCE if request is None else str(request.get_type())


async def ahead(asked: Asked) -> str:
    """Items before they are asked for."""
    return await lists.upload_ahead(asked.talk, MISSION, mission(asked))


async def frame_back(asked: Asked) -> str:
    """A relative altitude in the integer frame, as it reads back."""
    items = [*mission(asked)[:-1]]
    lat, lon = asked.place_e7(30.0, 30.0)
    items.append(Item(mavlink.MAV_CMD_NAV_WAYPOINT, lat, lon, 20.0, frame=mavlink.MAV_FRAME_GLOBAL_RELATIVE_ALT_INT))
    await lists.upload(asked.talk, MISSION, items)
    back = await lists.download(asked.talk, MISSION)
    return f"frame {back[-1].frame}" if len(back) == len(items) else "not read back"


async def wrong_order(asked: Asked) -> str:
    """The second item where the first is asked for; then all as asked."""
    items = mission(asked)
    await lists.request_of(asked.talk, MISSION, len(items))
    since_s = asked.talk.now_s
    asked.talk.send(items[1].message(1, MISSION))
    said = await lists.ack(asked.talk, MISSION, since_s, 1.0)
    since_s = asked.talk.now_s
    for seq, item in enumerate(items):
        asked.talk.send(item.message(seq, MISSION))
    return f"{said}, then {await lists.ack(asked.talk, MISSION, since_s, 4.0)}"


async def given_up(asked: Asked) -> str:
    """A transfer that its sender forgets half way: the answer, and which mission is then on board."""
    old, new = mission(asked), [replace(item, alt_m=item.alt_m + 5.0) for item in mission(asked)]
    await lists.upload(asked.talk, MISSION, old)
    await lists.request_of(asked.talk, MISSION, len(new))
    since_s = asked.talk.now_s
    for seq in range(3):
        asked.talk.send(new[seq].message(seq, MISSION))
    answer = await lists.ack(asked.talk, MISSION, since_s, 14.0)
    heights = [item.z for item in await lists.download(asked.talk, MISSION)]
    if heights[1:3] == [item.alt_m for item in old][1:3]:
        return f"{answer}, the old mission stays"
    return f"{answer}, new items and old ones" if len(heights) == len(old) else f"{answer}, the new items only"


async def second_sender(asked: Asked) -> str:
    """A list is asked for while another transfer is under way; that one is then ended."""
    items = mission(asked)
    await lists.request_of(asked.talk, MISSION, len(items))
    since_s = asked.talk.now_s
    asked.talk.send(mavlink.MAVLink_mission_request_list_message(1, 1, MISSION))
    said = await lists.ack(asked.talk, MISSION, since_s, 1.0)
    since_s = asked.talk.now_s
    for seq, item in enumerate(items):
        asked.talk.send(item.message(seq, MISSION))
    await lists.ack(asked.talk, MISSION, since_s, 15.0)
    return said


async def cleared(asked: Asked) -> str:
    """CLEAR_ALL on the ground."""
    answer = await lists.clear(asked.talk, MISSION)
    return f"{answer}, {await lists.count(asked.talk, MISSION)} on board"


async def whole_fence(asked: Asked) -> str:
    """A square; two corners are none."""
    good = await lists.upload(asked.talk, FENCE, fence(asked))
    on_board = await lists.count(asked.talk, FENCE)
    return f"{good}, {on_board} of 4 on board"


async def half_fence(asked: Asked) -> str:
    """Two corners."""
    two = [Item(i.command, i.lat_e7, i.lon_e7, params=(2.0, 0.0, 0.0, 0.0), frame=i.frame) for i in fence(asked)[:2]]
    answer = await lists.upload(asked.talk, FENCE, two)
    await lists.upload(asked.talk, FENCE, fence(asked))
    return answer


async def whole_rally(asked: Asked) -> str:
    """One rally point."""
    point = Item(mavlink.MAV_CMD_NAV_RALLY_POINT, *asked.place_e7(-50.0, -50.0), 25.0)
    answer = await lists.upload(asked.talk, RALLY, [point])
    left = f"{answer}, {await lists.count(asked.talk, RALLY)} of 1 on board"
    await lists.clear(asked.talk, RALLY)
    return left


async def mission_total(asked: Asked) -> str:
    """MISSION_CURRENT.total against what was sent."""
    items = mission(asked)
    await lists.upload(asked.talk, MISSION, items)
    await asked.talk.command(mavlink.MAV_CMD_SET_MESSAGE_INTERVAL, float(mavlink.MAVLINK_MSG_ID_MISSION_CURRENT), 5e5)
    told = await asked.talk.wait("MISSION_CURRENT", lambda m: m.total > 0, timeout_s=4.0)
    return SILENCE if told is None else f"sent {told.total - len(items):+d}"


async def one_picture(asked: Asked) -> str:
    """IMAGE_START_CAPTURE with a shutter that the autopilot releases."""
    since_s = asked.talk.now_s
    answer = await asked.talk.command(mavlink.MAV_CMD_IMAGE_START_CAPTURE, 0.0, 0.0, 1.0, 1.0)
    await asyncio.sleep(2.0)
    return f"{answer}, {len(asked.talk.since(since_s, 'CAMERA_FEEDBACK'))} CAMERA_FEEDBACK"


GROUND: Sequence[Probe] = (
    Probe("Whose heartbeat is it?", each("type 2, autopilot 3", "type 2, autopilot 12"), autopilot),
    Probe("How often does it beat?", same("once a second"), heartbeat_rate),
    Probe("What does it say it can do?", same("mission, command int, ftp, fence, rally"), version),
    Probe("Does it answer TIMESYNC?", same("answered"), clock),
    Probe("SET_MESSAGE_INTERVAL for ATTITUDE at 10 Hz", same("accepted, as asked"), interval),
    Probe("… for a message that there is not", each("denied", "failed"), unknown_interval),
    Probe("REQUEST_MESSAGE for one that there is not", each("failed", "denied"), unknown_request),
    Probe("A command that there is not", same("unsupported"), unknown_command),
    Probe("A parameter is set", same("as set, reads as set"), set_parameter),
    Probe("A parameter that there is not is read", same(SILENCE), unknown_parameter),
    Probe("Which message asks for an item?", each("MISSION_REQUEST", "MISSION_REQUEST_INT"), how_it_asks),
    Probe("A mission of take-off, places and return", each("accepted, 6 of 6 on board", "accepted, 5 of 5 on board"),
          whole_mission),
    Probe("Items sent ahead of their requests", same("accepted"), ahead),
    Probe("A waypoint in frame 6 reads back in", each("frame 3", "frame 6"), frame_back),
    Probe("An item out of order, then all in order", each("invalid sequence, then accepted", "silence, then accepted"),
          wrong_order),
    Probe("A list is asked for during an upload", each("denied", SILENCE), second_sender),
    Probe("An upload that its sender forgets", each("cancelled, new items and old ones", "silence, the old mission stays"),
          given_up),
    Probe("MISSION_CLEAR_ALL on the ground", same("accepted, 0 on board"), cleared),
    Probe("MISSION_CURRENT.total, against items sent", each("sent -1", "sent +0"), mission_total),
    Probe("A fence of four corners", same("accepted, 4 of 4 on board"), whole_fence),
    Probe("A fence of two corners", same("error"), half_fence),
    Probe("A rally point", same("accepted, 1 of 1 on board"), whole_rally),
    Probe("IMAGE_START_CAPTURE, of a shutter", {Family.ARDUPILOT: "accepted, 1 CAMERA_FEEDBACK"}, one_picture),
)  # fmt: skip
