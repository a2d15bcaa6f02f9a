"""Keeps the messages coming that the agent needs.

An autopilot sends little by itself (ArduPilot) and forgets what was asked for when it reboots. So each wanted message is
watched: one that is missing is asked for again with SET_MESSAGE_INTERVAL. One that is denied is left alone until a reboot.
"""

from collections.abc import Mapping

import structlog
from pymavlink.dialects.v20 import ardupilotmega as dialect

from agent.mavlink.codec import Frame
from agent.mavlink.commands import Command, Commander
from agent.mavlink.enums import Cmd, Result

_MISSING_INTERVALS = 4.0
_MISSING_LEAST_S = 3.0
_MISSING_MOST_S = 60.0  # some are accepted and never sent, e.g. the gimbal's where there is none
_MICROSECONDS = 1e6
_IDS = {message.msgname: number for number, message in dialect.mavlink_map.items()}
_log = structlog.get_logger(__name__)


class Streams:
    """Watches over the wanted messages.

    Args:
        commander: sends the requests.
        wanted_hz: rate per message name.
    """

    def __init__(self, commander: Commander, wanted_hz: Mapping[str, float]) -> None:
        self._commander = commander
        self._wanted_hz = dict(wanted_hz)
        self._heard_s: dict[str, float] = {}
        self._asked_s: dict[str, float] = {}
        self._unanswered: dict[str, int] = {}
        self._denied: set[str] = set()

    def on_frame(self, frame: Frame) -> None:
        """Notes that a message came."""
        if frame.name in self._wanted_hz:
            self._heard_s[frame.name] = frame.at_s
            self._unanswered[frame.name] = 0

    def forget(self) -> None:
        """The autopilot rebooted: ask for everything anew."""
        self._asked_s.clear()
        self._denied.clear()

    async def keep_once(self) -> None:
        """Asks once for everything that is missing."""
        for name in self.missing(self._commander.exchange.now_s):
            await self._ask(name)

    def missing(self, now_s: float) -> list[str]:
        """Messages that should be asked for now."""
        return [name for name, rate_hz in self._wanted_hz.items() if self._is_missing(name, rate_hz, now_s)]

    def _is_missing(self, name: str, rate_hz: float, now_s: float) -> bool:
        if name in self._denied:
            return False
        asked_s = self._asked_s.get(name)
        if asked_s is None:
            return True
        usual_s = max(_MISSING_LEAST_S, _MISSING_INTERVALS / rate_hz)
        patience_s = min(_MISSING_MOST_S, usual_s * 2.0 ** max(0, self._unanswered.get(name, 0)))
        return now_s - max(asked_s, self._heard_s.get(name, asked_s)) > patience_s

    async def _ask(self, name: str) -> None:
        self._asked_s[name] = self._commander.exchange.now_s
        self._unanswered[name] = self._unanswered.get(name, -1) + 1
        interval_us = _MICROSECONDS / self._wanted_hz[name]
        command = Command(Cmd.SET_MESSAGE_INTERVAL, (float(_IDS[name]), interval_us), attempts=2)
        answer = await self._commander.execute(command)
        if answer.result in {Result.DENIED, Result.UNSUPPORTED, Result.FAILED}:
            self._denied.add(name)
            _log.info("the autopilot does not send this message", message=name, result=answer.result.name)


def message_id(name: str) -> int:
    """A message's number in the dialect."""
    return int(_IDS[name])
