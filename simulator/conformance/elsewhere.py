"""Probes of coming down elsewhere than where it started: two short flights, each from where the one before ended."""

import asyncio
import math
from collections.abc import Sequence
from typing import Final

from agent.core.geo import LatLon, distance_m
from simulator.conformance import lists
from simulator.conformance.air import armed, change_mode, mode_comes, reposition, take_off
from simulator.conformance.lists import RALLY, Item
from simulator.conformance.probe import Asked, Family, Probe, same
from simulator.conformance.talk import OWN_SYSTEM
from simulator.vehicle.wire import mavlink

_SENT: Final = (30.0, 20.0)
_RALLY: Final = (70.0, 25.0)
_NEAR_RALLY: Final = (62.0, 25.0)
_NEAR_M: Final = 3.0
_DOWN_S: Final = 240.0
_PITCH_DEG: Final = -40.0
_LET_GO_S: Final = 2.0
_TO_RALLY: Final = {Family.ARDUPILOT: (("RALLY_INCL_HOME", 0.0, 2), ("RALLY_LIMIT_KM", 0.0, 9)), Family.PX4: ()}
"""Name, value and type of what makes a return end at the nearest rally point; PX4 takes that or home, whichever is nearer."""


def _place(asked: Asked, row: tuple[float, float]) -> LatLon:
    lat, lon = asked.place_e7(*row)
    return LatLon(lat / 1e7, lon / 1e7)


async def _down_at(asked: Asked, row: tuple[float, float], name: str) -> str:
    """Waits until the motors stop."""
    if not await armed(asked, wanted=False, timeout_s=_DOWN_S):
        return "does not come down"
    here = await asked.talk.wait("GLOBAL_POSITION_INT", timeout_s=3.0)
    off_m = math.inf if here is None else distance_m(LatLon(here.lat / 1e7, here.lon / 1e7), _place(asked, row))
    return f"disarmed at {name}" if off_m < _NEAR_M else f"disarmed {off_m:.0f} m from {name}"


async def _fly_there(asked: Asked, row: tuple[float, float]) -> bool:
    """Takes off and flies to a target; whether it stands there in time."""
    await take_off(asked)
    await reposition(asked, *row)
    wanted = _place(asked, row)
    there = await asked.talk.wait(
        "GLOBAL_POSITION_INT",
        lambda m: distance_m(LatLon(m.lat / 1e7, m.lon / 1e7), wanted) < 1.0 and math.hypot(m.vx, m.vy) < 50,
        timeout_s=60.0,
    )
    return there is not None


async def land_there(asked: Asked) -> str:
    """A target, and LAND when it is there."""
    if not await _fly_there(asked, _SENT):
        return "does not get there"
    answer = await change_mode(asked, "land")
    return f"{answer}, {await _down_at(asked, _SENT, 'its target')}"


async def return_to_rally(asked: Asked) -> str:
    """A rally point on board, nearer than home, and a return that may use it."""
    point = Item(int(mavlink.MAV_CMD_NAV_RALLY_POINT), *asked.place_e7(*_RALLY), 20.0)
    answer = await lists.upload(asked.talk, RALLY, [point])
    if not await _fly_there(asked, _NEAR_RALLY):
        return f"{answer}, does not get there"
    for name, value, kind in _TO_RALLY[asked.family]:
        await asked.talk.set_parameter(name, value, kind)
    told = await change_mode(asked, "return")
    comes = await mode_comes(asked, "return", 4.0)
    return f"{answer}, {told}, {'returns' if comes else 'does not return'}"


async def look_on_return(asked: Asked) -> str:
    """The gimbal is taken and pointed while it returns, when PX4 has had the time to turn it to neutral and let it go."""
    await asyncio.sleep(_LET_GO_S)
    await asked.talk.command(
        mavlink.MAV_CMD_SET_MESSAGE_INTERVAL, float(mavlink.MAVLINK_MSG_ID_GIMBAL_DEVICE_ATTITUDE_STATUS), 2e5
    )
    await asked.talk.command(mavlink.MAV_CMD_DO_GIMBAL_MANAGER_CONFIGURE, float(OWN_SYSTEM), 190.0, -1.0, -1.0)
    no_rate = math.nan
    answer = await asked.talk.command(mavlink.MAV_CMD_DO_GIMBAL_MANAGER_PITCHYAW, _PITCH_DEG, 0.0, no_rate, no_rate)

    def looks(q: Sequence[float]) -> bool:
        w, x, y, z = q
        pitch_deg = math.degrees(math.asin(max(-1.0, min(1.0, 2.0 * (w * y - z * x)))))
        return abs(pitch_deg - _PITCH_DEG) < 2.0

    seen = await asked.talk.wait("GIMBAL_DEVICE_ATTITUDE_STATUS", lambda m: looks(m.q), timeout_s=5.0)
    return f"{answer}, {'looks there' if seen is not None else 'does not look there'}"


async def down_at_rally(asked: Asked) -> str:
    """The end of that return."""
    return await _down_at(asked, _RALLY, "the rally point")


ELSEWHERE: Sequence[Probe] = (
    Probe("A target, then LAND", same("accepted, disarmed at its target"), land_there),
    Probe("A return with a rally point", same("accepted, accepted, returns"), return_to_rally),
    Probe("DO_GIMBAL_MANAGER_PITCHYAW on the way", same("accepted, looks there"), look_on_return),
    Probe("The end of a return with a rally point", same("disarmed at the rally point"), down_at_rally),
)  # fmt: skip
