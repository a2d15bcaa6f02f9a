"""What can be done at a desk: answer an alert, ask for a flight, take it back. Knows no web framework.

Nothing is told as done that is not: a message counts as sent when the broker acknowledged it, and as understood when the nest
answers it.
"""

from dataclasses import dataclass
from typing import Any

from ulid import ULID

from agent.core.clock import Clock, rfc3339
from agent.core.errors import LinkError
from agent.core.outcome import Accepted, Outcome, Refused
from agent.desk.asking import Asker
from agent.desk.board import Board, Change
from agent.desk.fan import Fan
from agent.desk.history import Record
from agent.desk.hub import NOBODY_LISTENS, DeskHub, HistoryWriter
from agent.domain.alert import AlertAction
from agent.domain.request import FlightRequest
from agent.messaging.envelope import Packet

_ANSWERED = {"refused", "done"}


@dataclass
class Desk:
    """The parts of one desk."""

    board: Board
    fan: Fan
    hub: DeskHub
    asker: Asker
    writer: HistoryWriter
    clock: Clock

    async def answer(self, key: str, action: str, reason: str, by: str) -> Outcome:
        """Answers an alert. Accepted: the broker has it."""
        entry = self.board.alerts.get(key)
        if entry is None or entry.alert is None or not entry.open:
            return Refused("desk.refused", "this alert is no longer open")
        fields = {"alert": key, "action": action, "by": by, "reason": reason}
        if action == "look_again":  # answered like a request for a flight, so it is kept like one
            fields["request"] = str(ULID.from_timestamp(self.clock.unix_s()))
        return await self._act(entry.nest, fields)

    async def _act(self, nest: str, fields: dict[str, Any]) -> Outcome:
        made = self.asker.action(nest, fields)
        if isinstance(made, Refused):
            return made
        body, packet = made
        if body.request:
            return await self._ask(nest, body.request, body, packet)
        sent = await self._send(packet)
        if isinstance(sent, Accepted):
            self._keep("action", nest, body.alert, body.model_dump(mode="json", exclude_none=True))
            known = body.alert in self.board.alerts
            self._tell(self.board.asked(body.alert, body.action, body.by, self.clock.utc()) if known else [])
        return sent

    async def request(self, nest: str, fields: dict[str, Any], expires_in_s: float) -> Outcome:
        """Asks for a flight."""
        if nest not in self.board.nests:
            return Refused("desk.refused", f"no nest {nest!r} is known here")
        made = self.asker.request(nest, fields, expires_in_s)
        return made if isinstance(made, Refused) else await self._ask(nest, made[0].request, *made)

    async def again(self, key: str) -> Outcome:
        """Sends a request again that no answer came to; it is flown once (decision 50)."""
        known = self.board.requests.get(key)
        if known is None or "body" not in known:
            return Refused("desk.refused", "this desk did not send that request")
        nest, body = known["nest"], known["body"]
        if "action" in body:
            return await self._act(nest, body)
        made = self.asker.again(nest, body)
        return made if isinstance(made, Refused) else await self._ask(nest, key, *made)

    async def cancel(self, key: str, by: str) -> Outcome:
        """Takes a request back."""
        known = self.board.requests.get(key)
        if known is None or any(reply["answer"] in _ANSWERED for reply in known["replies"]):
            return Refused("desk.refused", "this request has ended")
        made = self.asker.cancel(known["nest"], {"cancel": key, "by": by})
        if isinstance(made, Refused):
            return made
        sent = await self._send(made[1])
        if isinstance(sent, Accepted):
            self._tell(self.board.requested(key, {"cancelled_by": by}))
        return sent

    async def _ask(self, nest: str, key: str, body: FlightRequest | AlertAction, packet: Packet) -> Outcome:
        asked = body.model_dump(mode="json", exclude_none=True)
        told = {"nest": nest, "at": rfc3339(self.clock.utc()), "body": asked, "delivery": "sending"}
        self._tell(self.board.requested(key, told))
        self._keep("request", nest, key, asked)
        sent = await self._send(packet)
        trouble = sent.words if isinstance(sent, Refused) else ""
        delivery = "failed" if trouble else "sent"
        self._tell(self.board.requested(key, {"delivery": delivery, "trouble": trouble}))
        return sent

    async def _send(self, packet: Packet) -> Outcome:
        if not self.hub.link["connected"]:
            return Refused("desk.no_hub", "there is no connection to the hub; nothing was sent")
        try:
            code = await self.hub.send(packet)
        except LinkError as error:
            return Refused("desk.no_hub", error.message)
        if code == NOBODY_LISTENS:
            return Refused("desk.nobody", "the hub has it, but the nest does not listen; it will not see it")
        return Accepted()

    def _keep(self, kind: str, nest: str, subject: str, body: dict[str, Any]) -> None:
        now_s = self.clock.unix_s()
        self.writer.keep(Record(str(ULID.from_timestamp(now_s)), now_s, kind, nest, subject, body))

    def _tell(self, changes: list[Change]) -> None:
        for change in changes:
            self.fan.tell(change)
