"""Gives a drone its signing key, or takes it away: SETUP_SIGNING.

The message has no answer. Whether the drone took it is seen in what it sends next, and in whether it does what we ask. The key
travels readable, so this is for a cable or a link that nobody else hears.
"""

import asyncio
from collections.abc import Callable

from agent.core.outcome import Accepted, Outcome, Refused
from agent.mavlink import messages
from agent.mavlink.codec import Frame
from agent.mavlink.enums import Autopilot, ModeFlag
from agent.mavlink.exchange import Exchange
from agent.mavlink.identity import ask_version
from agent.mavlink.link import Link
from agent.mavlink.signing import KEY_BYTES, Signing, Verdict

_TRIES = 3
_WATCHED_S = 4.0  # a heartbeat each second, some may be lost
_SETTLED_FRAMES = 3


async def set_key(link: Link, signing: Signing, key: bytes, patience_s: float) -> Outcome:
    """Gives the drone the key and proves that both sides use it.

    Args:
        link: to the drone; signs with ``signing``, which takes all frames.
        signing: signs with this key.
        key: 32 bytes, not all zero.
        patience_s: how long to wait for the first heartbeat.
    """
    refused = await _why_not(link, patience_s)
    if refused is not None:
        return refused
    for _ in range(_TRIES):
        good = signing.judged[Verdict.GOOD]
        link.send(messages.setup_signing(link.system, key, signing.stamps.next()))
        if await _seen(link, lambda _, good=good: signing.judged[Verdict.GOOD] > good):  # type: ignore[misc]
            break
    else:
        return Refused("vehicle.signing_not_set", _how_it_speaks(signing))
    if await ask_version(Exchange(link)) is None:
        return Refused("vehicle.signing_not_set", "it signs with the key, but does not answer what we sign")
    return Accepted("the drone signs with the key and answers what we sign")


async def take_key(link: Link, patience_s: float) -> Outcome:
    """Ends signing. The request is signed with the present key, or comes over the drone's USB port."""
    refused = await _why_not(link, patience_s)
    if refused is not None:
        return refused
    for _ in range(_TRIES):
        link.send(messages.setup_signing(link.system, bytes(KEY_BYTES), 0))
        plain = iter(range(_SETTLED_FRAMES))
        if await _seen(link, lambda frame, plain=plain: not frame.signed and next(plain, None) is None):  # type: ignore[misc]
            return Accepted("the drone does not sign any more")
    return Refused("vehicle.signing_not_set", "it goes on signing")


async def _why_not(link: Link, patience_s: float) -> Refused | None:
    """Why the key cannot be changed now."""
    with link.listen("HEARTBEAT") as inbox:
        deadline_s = asyncio.get_running_loop().time() + patience_s
        while (frame := await inbox.get(deadline_s - asyncio.get_running_loop().time())) is not None:
            if _is_autopilots(frame):
                armed = bool(frame.body.base_mode & ModeFlag.SAFETY_ARMED)
                return Refused("vehicle.armed", "a key is changed on the ground, with the motors stopped") if armed else None
    others = ", ".join(map(str, sorted(link.foreign_systems - {link.own_system})))
    heard = f"; heard instead: system {others}" if others else ""
    return Refused("vehicle.silent", f"no heartbeat of system {link.system} in {patience_s:.0f} s{heard}")


def _is_autopilots(frame: Frame) -> bool:
    return frame.component == 1 and bool(frame.body.autopilot != Autopilot.INVALID)


async def _seen(link: Link, condition: Callable[[Frame], bool]) -> bool:
    """Whether a heartbeat comes in time at which the condition holds."""
    with link.listen("HEARTBEAT") as inbox:
        deadline_s = asyncio.get_running_loop().time() + _WATCHED_S
        while (frame := await inbox.get(deadline_s - asyncio.get_running_loop().time())) is not None:
            if condition(frame):
                return True
    return False


def _how_it_speaks(signing: Signing) -> str:
    if signing.judged[Verdict.WRONG_KEY]:
        return "it signs with another key, and does not take ours over this link"
    return "it goes on without signatures; does its firmware support them?"
