"""Asks the autopilot who it is: AUTOPILOT_VERSION."""

from dataclasses import dataclass

from agent.mavlink import messages
from agent.mavlink.enums import Capability, Cmd
from agent.mavlink.exchange import Exchange
from agent.mavlink.streams import message_id


@dataclass(frozen=True, slots=True)
class Version:
    """What AUTOPILOT_VERSION says: firmware such as ``4.6.3`` or ``1.18.0-beta``, hardware id in hex, and what it can do."""

    firmware: str
    uid: str
    capabilities: Capability


async def ask_version(exchange: Exchange) -> Version | None:
    """The version; None where no answer came."""
    link = exchange.link
    request = messages.command_long(link.system, Cmd.REQUEST_MESSAGE, (float(message_id("AUTOPILOT_VERSION")),), 0)
    frame = await exchange.ask(request, "AUTOPILOT_VERSION", lambda _: True, work_s=0.5)
    if frame is None:
        return None
    uid2 = bytes(frame.body.uid2)
    uid = uid2.hex().rstrip("0") if any(uid2) else f"{int(frame.body.uid):x}"
    return Version(firmware_of(int(frame.body.flight_sw_version)), uid, Capability(int(frame.body.capabilities)))


_RELEASES = ((255, ""), (192, "rc"), (128, "beta"), (64, "alpha"), (0, "dev"))
"""FIRMWARE_VERSION_TYPE: the least number of each kind, and its word. A final release needs none."""


def firmware_of(number: int) -> str:
    """The version of AUTOPILOT_VERSION.flight_sw_version in words: three bytes, and the kind of release."""
    version = ".".join(str(number >> shift & 0xFF) for shift in (24, 16, 8))
    kind = next(word for least, word in _RELEASES if number & 0xFF >= least)
    return f"{version}-{kind}" if kind else version
