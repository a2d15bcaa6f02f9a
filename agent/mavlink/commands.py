"""Commands with their acknowledgement.

One command id is under way at a time, since COMMAND_ACK names only the id. A repeated sending counts its confirmation.
IN_PROGRESS extends the wait. The words that explain a denial come as STATUSTEXT beside it, often a little later.
"""

import asyncio
from dataclasses import dataclass, field

from agent.core.geo import LatLon
from agent.mavlink import messages
from agent.mavlink.codec import Body
from agent.mavlink.codec import Frame as WireFrame
from agent.mavlink.enums import AUTOPILOT_COMPONENT, Frame, Result
from agent.mavlink.exchange import Exchange
from agent.mavlink.link import Inbox
from agent.mavlink.texts import StatusTexts

_IN_PROGRESS_PATIENCE_S = 5.0
_WORDS_BEFORE_S = 0.2
_WORDS_AFTER_S = 0.6


@dataclass(frozen=True, slots=True)
class Command:
    """A COMMAND_LONG, or with a place a COMMAND_INT.

    Attributes:
        id: MAV_CMD.
        params: parameters from the first; missing ones are 0. With a place: 1 to 4.
        place: makes it a COMMAND_INT.
        alt_m: altitude in the frame's datum.
        frame: the altitude's datum.
        repeatable: whether it may be sent again when no answer comes. Arming may not: the state is looked at first.
        attempts: how often it is sent at most.
        work_s: time that the autopilot may need beyond the round trip.
        component: who shall do it; not with a place.
    """

    id: int
    params: tuple[float, ...] = ()
    place: LatLon | None = None
    alt_m: float = 0.0
    frame: Frame = Frame.GLOBAL_RELATIVE_ALT
    repeatable: bool = True
    attempts: int = 5
    work_s: float = 0.0
    component: int = AUTOPILOT_COMPONENT


@dataclass(frozen=True, slots=True)
class CommandAnswer:
    """What came of a command.

    Attributes:
        result: the final MAV_RESULT; None where no answer came. Then it may or may not have been done.
        words: the autopilot's sentences around a denial, else empty.
        sent: how often it was sent.
    """

    result: Result | None
    words: str = ""
    sent: int = 1

    @property
    def accepted(self) -> bool:
        """Whether it was accepted."""
        return self.result is Result.ACCEPTED

    @property
    def reason(self) -> str:
        """Why it was not accepted, in the autopilot's words or ours."""
        return self.words or ("no answer" if self.result is None else f"the autopilot answered {self.result.name}")


@dataclass(slots=True)
class Commander:
    """Sends commands.

    Attributes:
        exchange: the link's exchange.
        texts: the sentences heard.
    """

    exchange: Exchange
    texts: StatusTexts
    _locks: dict[int, asyncio.Lock] = field(default_factory=dict)

    async def execute(self, command: Command) -> CommandAnswer:
        """Sends a command and waits for its final answer."""
        async with self._locks.setdefault(command.id, asyncio.Lock()):
            began_s = self.exchange.now_s
            with self.exchange.link.listen("COMMAND_ACK") as inbox:
                result, sent = await self._try(command, inbox)
            if result is Result.ACCEPTED:
                return CommandAnswer(result, sent=sent)
            return CommandAnswer(result, await self._words(began_s), sent)

    async def _try(self, command: Command, inbox: Inbox) -> tuple[Result | None, int]:
        """Sends until an answer comes; the result and how often it was sent."""
        attempts = command.attempts if command.repeatable else 1
        for attempt in range(attempts):
            sent_s = self.exchange.now_s
            self.exchange.link.send(self._body(command, attempt))
            wait_s = self.exchange.round_trip.timeout_s(attempt if command.repeatable else 2, command.work_s)
            frame = await self._ack(command.id, inbox, sent_s + wait_s)
            while frame is not None and frame.body.result == Result.IN_PROGRESS:
                frame = await self._ack(command.id, inbox, self.exchange.now_s + _IN_PROGRESS_PATIENCE_S)
            if frame is not None:
                if attempt == 0 and command.work_s == 0.0:
                    self.exchange.round_trip.measured(max(0.0, frame.at_s - sent_s))
                return _result_of(frame), attempt + 1
        return None, attempts

    async def _ack(self, command_id: int, inbox: Inbox, deadline_s: float) -> WireFrame | None:
        """The next answer to the command that is meant for us."""
        own = self.exchange.link.own_system
        while True:
            frame = await inbox.get(deadline_s - self.exchange.now_s)
            if frame is None or (frame.body.command == command_id and frame.body.target_system in {0, own}):
                return frame

    def _body(self, command: Command, attempt: int) -> Body:
        system = self.exchange.link.system
        if command.place is None:
            return messages.command_long(system, command.id, command.params, attempt, command.component)
        return messages.command_int(system, command.id, command.params, command.place, command.alt_m, command.frame)

    async def _words(self, began_s: float) -> str:
        """The sentences around a denial, waiting a moment for late ones."""
        await asyncio.sleep(_WORDS_AFTER_S)
        return self.texts.reasons_since(began_s - _WORDS_BEFORE_S)


def _result_of(frame: WireFrame) -> Result:
    """The result; a number outside the standard counts as failed."""
    try:
        return Result(frame.body.result)
    except ValueError:
        return Result.FAILED
