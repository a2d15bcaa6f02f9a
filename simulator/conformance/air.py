"""Probes of arming and of one flight, in order: each leaves the vehicle as the next one needs it."""

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from agent.core.geo import LatLon, distance_m
from simulator.conformance import lists
from simulator.conformance.ground import fence, mission
from simulator.conformance.lists import FENCE, MISSION
from simulator.conformance.probe import Asked, Family, Probe, each, same
from simulator.conformance.talk import SILENCE
from simulator.vehicle.wire import Message, mavlink

_MODES: Final[Mapping[Family, Mapping[str, tuple[float, float]]]] = {
    Family.ARDUPILOT: {
        "guided": (4.0, 0.0),
        "mission": (3.0, 0.0),
        "hold": (17.0, 0.0),
        "return": (6.0, 0.0),
        "land": (9.0, 0.0),
    },
    Family.PX4: {"hold": (4.0, 3.0), "mission": (4.0, 4.0), "return": (4.0, 5.0), "land": (4.0, 6.0)},
}
"""Parameters of DO_SET_MODE after the first."""
_STREAMS: Final = (
    mavlink.MAVLINK_MSG_ID_GLOBAL_POSITION_INT, mavlink.MAVLINK_MSG_ID_EXTENDED_SYS_STATE, mavlink.MAVLINK_MSG_ID_SYS_STATUS,
    mavlink.MAVLINK_MSG_ID_POSITION_TARGET_GLOBAL_INT, mavlink.MAVLINK_MSG_ID_HOME_POSITION,
)  # fmt: skip
_ARM: Final = int(mavlink.MAV_CMD_COMPONENT_ARM_DISARM)
_WAY_S: Final = 180.0
"""For a way of a minute: a simulation on a busy computer falls behind the clock of who waits."""
_LANDED: Final = {1: "on the ground", 2: "in the air", 3: "taking off", 4: "landing"}


def mode_name(family: Family, custom_mode: int) -> str:
    """The mode of a heartbeat, by the names above."""
    params = (float(custom_mode), 0.0)
    if family is Family.PX4:
        params = (float(custom_mode >> 16 & 0xFF), float(custom_mode >> 24 & 0xFF))
    return next((name for name, wanted in _MODES[family].items() if wanted == params), str(custom_mode))


async def change_mode(asked: Asked, name: str) -> str:
    """The answer to DO_SET_MODE."""
    return await asked.talk.command(mavlink.MAV_CMD_DO_SET_MODE, 1.0, *_MODES[asked.family][name])


async def mode_comes(asked: Asked, name: str, timeout_s: float) -> bool:
    """Whether a heartbeat from now on says so in time."""
    beat = await asked.talk.wait(
        "HEARTBEAT", lambda m: mode_name(asked.family, m.custom_mode) == name, since_s=asked.talk.now_s, timeout_s=timeout_s
    )
    return beat is not None


async def armed(asked: Asked, *, wanted: bool, timeout_s: float) -> bool:
    """Whether a heartbeat from now on says so in time."""
    flag = mavlink.MAV_MODE_FLAG_SAFETY_ARMED
    told = await asked.talk.wait("HEARTBEAT", lambda m: bool(m.base_mode & flag) is wanted, timeout_s=timeout_s)
    return told is not None


async def ready(asked: Asked) -> str:
    """How its own checks come out, once it knows where it is."""
    for number in _STREAMS:
        await asked.talk.command(mavlink.MAV_CMD_SET_MESSAGE_INTERVAL, float(number), 2e5)
    good = mavlink.MAV_SYS_STATUS_PREARM_CHECK
    told = await asked.talk.wait("SYS_STATUS", lambda m: bool(m.onboard_control_sensors_health & good), timeout_s=120.0)
    return "good" if told is not None else "not good"


async def outside_fence(asked: Asked) -> str:
    """Arming where the fence says that it must not be."""
    await lists.upload(asked.talk, FENCE, fence(asked, north_m=2000.0))
    await lists.upload(asked.talk, MISSION, mission(asked))
    await asyncio.sleep(3.0)
    since_s = asked.talk.now_s
    if asked.family is Family.ARDUPILOT:
        await change_mode(asked, "guided")
    answer = await asked.talk.command(_ARM, 1.0)
    said = await asked.talk.texts_after(since_s, "ence", 2.0)
    await lists.upload(asked.talk, FENCE, fence(asked))
    if answer == "accepted":
        await asked.talk.command(_ARM, 0.0)
    await asyncio.sleep(3.0)
    return f"{answer}, {'it names the fence' if said else 'it does not say why'}"


async def arm_in_mission(asked: Asked) -> str:
    """Arming in AUTO."""
    await change_mode(asked, "mission")
    since_s = asked.talk.now_s
    answer = await asked.talk.command(_ARM, 1.0)
    said = await asked.talk.texts_after(since_s, "not armable", 2.0)
    return f"{answer}, {'it says so' if said else 'it does not say why'}"


async def start_disarmed(asked: Asked) -> str:
    """MISSION_START with the motors off."""
    await change_mode(asked, "guided")
    answer = await asked.talk.command(mavlink.MAV_CMD_MISSION_START)
    return f"{answer}, {'the motors start' if await armed(asked, wanted=True, timeout_s=4.0) else 'nothing moves'}"


async def forgotten(asked: Asked) -> str:
    """Motors that nobody uses."""
    await change_mode(asked, "guided" if asked.family is Family.ARDUPILOT else "hold")
    answer = await asked.talk.command(_ARM, 1.0)
    began_s = asked.talk.now_s
    stopped = await armed(asked, wanted=True, timeout_s=3.0) and await armed(asked, wanted=False, timeout_s=25.0)
    took_s = asked.talk.now_s - began_s
    return f"{answer}, {'off again by themselves' if stopped and took_s > 5.0 else 'they do not stop'}"


async def take_off(asked: Asked) -> str:
    """The start of the mission, each in its own way."""
    await lists.upload(asked.talk, MISSION, mission(asked))
    if asked.family is Family.ARDUPILOT:
        await change_mode(asked, "guided")
        await asked.talk.command(mavlink.MAV_CMD_DO_SET_MISSION_CURRENT, 1.0, 1.0)
        await asked.talk.command(_ARM, 1.0)
    since_s = asked.talk.now_s
    answer = await asked.talk.command(mavlink.MAV_CMD_MISSION_START)
    up = await asked.talk.wait("GLOBAL_POSITION_INT", lambda m: m.relative_alt > 10_000, timeout_s=40.0)
    if up is None:
        return f"{answer}, it stays down"
    await asked.talk.wait("EXTENDED_SYS_STATE", lambda m: _LANDED.get(m.landed_state) == "in the air", timeout_s=15.0)
    states: list[str] = []
    for heard in asked.talk.since(since_s, "EXTENDED_SYS_STATE"):
        state = _LANDED.get(heard.message.landed_state, "?")
        if not states or states[-1] != state:
            states.append(state)
    return f"{answer}, {' - '.join(states)}"


async def disarm_in_the_air(asked: Asked) -> str:
    """COMPONENT_ARM_DISARM without force."""
    return await asked.talk.command(_ARM, 0.0)


async def reached(asked: Asked) -> str:
    """Which items are reported reached, as far as the first place."""
    first = 2 if asked.family is Family.ARDUPILOT else 1
    told = await asked.talk.wait("MISSION_ITEM_REACHED", lambda m: m.seq == first, since_s=0.0, timeout_s=_WAY_S)
    if told is not None:
        return "the first place"
    others = [heard.message.seq for heard in asked.talk.since(0.0, "MISSION_ITEM_REACHED")]
    return f"not the first place, {first}, but {others or 'none'}"


async def jump(asked: Asked) -> str:
    """DO_SET_MISSION_CURRENT: an item there is; one there is not."""
    number = mavlink.MAV_CMD_DO_SET_MISSION_CURRENT
    return f"{await asked.talk.command(number, 3.0, 0.0)}, past the end {await asked.talk.command(number, 99.0, 0.0)}"


async def jump_by_message(asked: Asked) -> str:
    """MISSION_SET_CURRENT."""
    since_s = asked.talk.now_s
    asked.talk.send(mavlink.MAVLink_mission_set_current_message(1, 1, 2))
    told = await asked.talk.wait("MISSION_CURRENT", lambda m: m.seq == 2, since_s=since_s, timeout_s=4.0)
    return "goes there" if told is not None else "does not go there"


async def hold(asked: Asked) -> str:
    """Stops and stands."""
    answer = await change_mode(asked, "hold")
    await mode_comes(asked, "hold", 4.0)
    slow = await asked.talk.wait(
        "GLOBAL_POSITION_INT", lambda m: math.hypot(m.vx, m.vy) < 30 and abs(m.vz) < 30, timeout_s=15.0
    )
    return f"{answer}, {'stands' if slow is not None else 'does not stand'}"


def _target_near(lat_e7: int, lon_e7: int) -> Callable[[Message], bool]:
    wanted = LatLon(lat_e7 / 1e7, lon_e7 / 1e7)
    return lambda m: distance_m(LatLon(m.lat_int / 1e7, m.lon_int / 1e7), wanted) < 3.0


async def reposition(asked: Asked, north_m: float, east_m: float = 20.0) -> tuple[str, bool]:
    """The answer, and whether the vehicle then flies there."""
    lat, lon = asked.place_e7(north_m, east_m)
    home = await asked.talk.wait("HOME_POSITION", since_s=0.0)
    amsl_m = (0.0 if home is None else home.altitude / 1000.0) + 25.0
    relative = asked.family is Family.ARDUPILOT
    frame = mavlink.MAV_FRAME_GLOBAL_RELATIVE_ALT_INT if relative else mavlink.MAV_FRAME_GLOBAL_INT
    params = (-1.0, 1.0, 0.0, float("nan"))
    answer = await asked.talk.command_at(
        mavlink.MAV_CMD_DO_REPOSITION, params, lat, lon, 25.0 if relative else amsl_m, int(frame)
    )
    target = await asked.talk.wait("POSITION_TARGET_GLOBAL_INT", _target_near(lat, lon), timeout_s=4.0)
    return answer, target is not None


async def go_inside(asked: Asked) -> str:
    """DO_REPOSITION inside the fence."""
    answer, goes = await reposition(asked, 30.0)
    return f"{answer}, {'flies there' if goes else 'does not fly there'}"


async def go_outside(asked: Asked) -> str:
    """DO_REPOSITION outside the fence."""
    answer, goes = await reposition(asked, 900.0)
    return f"{answer}, {'flies there' if goes else 'does not fly there'}"


async def falls_silent(asked: Asked) -> str:
    """The ground station's heartbeats stop in the mission."""
    await change_mode(asked, "mission")
    await mode_comes(asked, "mission", 4.0)
    asked.talk.silent = True
    comes_home = await mode_comes(asked, "return", 40.0)
    asked.talk.silent = False
    stays = comes_home and not await mode_comes(asked, "mission", 5.0)
    return "returns, and goes on returning" if stays else ("returns, then changes its mind" if comes_home else "flies on")


async def comes_down(asked: Asked) -> str:
    """The end of the return."""
    if not await armed(asked, wanted=False, timeout_s=240.0):
        return "does not come down"
    here = await asked.talk.wait("GLOBAL_POSITION_INT", timeout_s=3.0)
    state = await asked.talk.wait("EXTENDED_SYS_STATE", timeout_s=3.0)
    off_m = math.inf if here is None else distance_m(LatLon(here.lat / 1e7, here.lon / 1e7), asked.home)
    where = "where it started" if off_m < 2.0 else f"{off_m:.0f} m from where it started"
    return f"disarmed, {SILENCE if state is None else _LANDED.get(state.landed_state, '?')}, {where}"


AIR: Sequence[Probe] = (
    Probe("Its own checks, when it has a position", same("good"), ready),
    Probe(
        "Arming outside the fence",
        each("failed, it names the fence", "accepted, it does not say why"),
        outside_fence,
    ),
    Probe("Arming in AUTO", {Family.ARDUPILOT: "failed, it says so"}, arm_in_mission),
    Probe("MISSION_START with the motors off", {Family.ARDUPILOT: "accepted, nothing moves"}, start_disarmed),
    Probe("Motors that were started in vain", same("accepted, off again by themselves"), forgotten),
    Probe("The start of a mission", same("accepted, on the ground - taking off - in the air"), take_off),
    Probe("Disarming in the air", each("failed", "temporarily rejected"), disarm_in_the_air),
    Probe("MISSION_ITEM_REACHED names", same("the first place"), reached),
    Probe("DO_SET_MISSION_CURRENT", each("accepted, past the end denied", "accepted, past the end failed"), jump),
    Probe("MISSION_SET_CURRENT", same("goes there"), jump_by_message),
    Probe("BRAKE, or HOLD", same("accepted, stands"), hold),
    Probe("DO_REPOSITION inside the fence", same("accepted, flies there"), go_inside),
    Probe("DO_REPOSITION outside the fence", each("failed, does not fly there", "accepted, does not fly there"), go_outside),
    Probe("The ground station falls silent in a mission", same("returns, and goes on returning"), falls_silent),
    Probe("The end of a return", same("disarmed, on the ground, where it started"), comes_down),
)  # fmt: skip
