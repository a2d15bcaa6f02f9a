"""Asks the autopilot who it is: AUTOPILOT_VERSION."""

from dataclasses import dataclass

from agent.mavlink import messages
from agent.mavlink.enums import Cmd
from agent.mavlink.exchange import Exchange
from agent.mavlink.streams import message_id


@dataclass(frozen=True, slots=True)
class Version:
    """What AUTOPILOT_VERSION says: firmware such as ``4.6.3``, hardware id in hex."""

    firmware: str
    uid: str


async def ask_version(exchange: Exchange) -> Version | None:
    """The version; None where no answer came."""
    link = exchange.link
    request = messages.command_long(link.system, Cmd.REQUEST_MESSAGE, (float(message_id("AUTOPILOT_VERSION")),), 0)
    frame = await exchange.ask(request, "AUTOPILOT_VERSION", lambda _: True, work_s=0.5)
    if frame is None:
        return None
    number = int(frame.body.flight_sw_version)
    firmware = ".".join(str(number >> shift & 0xFF) for shift in (24, 16, 8))
    uid2 = bytes(frame.body.uid2)
    uid = uid2.hex().rstrip("0") if any(uid2) else f"{int(frame.body.uid):x}"
    return Version(firmware, uid)
