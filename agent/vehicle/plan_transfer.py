"""Brings a part of a plan (mission, fence or rally points) on board and proves that it is there: upload, read-back, comparison.

What failed or was broken off half way is cleared, and the mission with it, so that nobody can fly it. A part that was proved
to be on board since the autopilot booted is not sent again but proved again: by the autopilot's own identity of it where it has
one (PX4 has, a checksum of the items), else by reading it back. Over a slow radio a part goes as a file where the autopilot has
such files (ArduPilot), which carries less beside the items; whatever is wrong with that, the protocol sends it once more and
says what. Knows items; knows nothing of what they make the drone do.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from agent.core.errors import ProtocolError
from agent.core.outcome import Accepted, Outcome, Refused
from agent.mavlink import mission_file
from agent.mavlink.enums import MissionType
from agent.mavlink.ftp import Ftp
from agent.mavlink.ftp_session import FileRefused
from agent.mavlink.items import WireItem
from agent.mavlink.readback import ask_count, compare, download, end_reading
from agent.mavlink.transfer import TransferEnd, TransferResult, clear, upload
from agent.vehicle.interface import Progress
from agent.vehicle.session import Session

_SLOW_BAUD = 115_200  # a faster link carries items ahead of their requests faster than files (decision 35)
_FILE_ITEMS_LEAST = 20  # opening and closing a file cost two round trips
_READINGS = 2  # a difference is read once more before it is believed
_LATE_S = 10.0  # so long a late answer of the former reading could be taken for one of the next
_ABANDON_S = 5.0  # for clearing after a cancellation


@dataclass(frozen=True, slots=True)
class _Proof:
    """What was proved to be on board. identity is the autopilot's, 0 where it has none; boots counts the autopilot's boots."""

    items: tuple[WireItem, ...]
    identity: int
    boots: int
    at_s: float


class PlanTransfer:
    """Carries plans to one drone.

    Args:
        session: the drone.
        own_items: how many items at a mission's front are the autopilot's own, and stay when it is cleared.
        files: the autopilot's files, where plans are among them.
    """

    def __init__(self, session: Session, own_items: int, files: Ftp | None = None) -> None:
        self._session = session
        self._exchange = session.exchange
        self._own_items = own_items
        self._files = files
        self._proofs: dict[MissionType, _Proof] = {}

    def forget(self) -> None:
        """What is on board is not to be relied on: the next upload sends everything."""
        self._proofs.clear()

    async def put(self, kind: MissionType, items: Sequence[WireItem], own: int, progress: Progress | None) -> Outcome:
        """Brings one part on board, or says why it is not.

        Args:
            kind: which part.
            items: all its items.
            own: how many at the front are the autopilot's own and are not compared.
            progress: is told of what is sent and of what is read back.
        """
        ended = False
        try:
            refused = await self._put(kind, tuple(items), own, progress)
            ended = True
        finally:
            if not ended:
                self.forget()
                await self._abandon(kind)
        if refused is None:
            return Accepted()
        self.forget()
        if kind is not MissionType.MISSION:  # what is on board belongs to another plan, and its fence or rally points are gone
            await clear(self._exchange, MissionType.MISSION)
        return refused

    async def _put(self, kind: MissionType, items: tuple[WireItem, ...], own: int, progress: Progress | None) -> Refused | None:
        name = kind.name.lower()
        if await self._still_there(kind, items, own, progress):
            return None
        self._proofs.pop(kind, None)
        if await self._put_file(kind, items, own, progress):
            return None
        result = await upload(self._exchange, kind, items, _telling(progress, name))
        if result.end not in {TransferEnd.ACCEPTED, TransferEnd.UNCONFIRMED}:
            return await self._clear_after(kind, Refused("mission.refused", _words(name, result)))
        words = await self._difference(kind, items, own, progress)
        if words is not None:
            return await self._clear_after(kind, Refused("mission.differs", f"{name}: {words}"))
        return None

    async def _put_file(self, kind: MissionType, items: tuple[WireItem, ...], own: int, progress: Progress | None) -> bool:
        """Writes the part as a file, where that is faster, and proves it; False where it has to be sent item by item."""
        baud = self._exchange.link.baud
        if self._files is None or baud is None or baud > _SLOW_BAUD or len(items) < _FILE_ITEMS_LEAST:
            return False
        told = _telling(progress, kind.name.lower())
        written = await self._files.write(
            mission_file.PATHS[kind],
            mission_file.encode(kind, items),
            lambda done, total: told(done * len(items) // total, len(items)),
        )
        if isinstance(written, FileRefused):
            self._files = None  # no second try on this drone
            return False
        return await self._difference(kind, items, own, progress) is None

    async def _still_there(self, kind: MissionType, items: tuple[WireItem, ...], own: int, progress: Progress | None) -> bool:
        """Whether these very items were proved to be on board before and are there still."""
        proof = self._proofs.get(kind)
        if proof is None or proof.items != items or proof.boots != self._session.boots:
            return False
        if self._session.now_s - proof.at_s < _LATE_S:
            return False
        if proof.identity == 0:
            return await self._difference(kind, items, own, progress) is None
        try:
            board = await ask_count(self._exchange, kind)
        except ProtocolError:
            return False
        end_reading(self._exchange, kind)
        return (board.count, board.identity) == (len(items), proof.identity)

    async def _difference(
        self, kind: MissionType, items: tuple[WireItem, ...], own: int, progress: Progress | None
    ) -> str | None:
        """What reads back otherwise than it was sent, in words; None where all is on board, which is then remembered."""
        words: str | None = None
        for _ in range(_READINGS):
            try:
                read = await download(self._exchange, kind, _telling(progress, f"{kind.name.lower()} read back"))
            except ProtocolError as error:
                return error.message
            words = compare(items, read.items, first=own)
            if words is None:
                self._proofs[kind] = _Proof(items, read.identity, self._session.boots, self._session.now_s)
                break
        return words

    async def _clear_after(self, kind: MissionType, refused: Refused) -> Refused:
        """Clears what a failed upload may have left on board, and looks."""
        await clear(self._exchange, kind)
        try:
            left = (await download(self._exchange, kind)).items
        except ProtocolError as error:
            return Refused("mission.half_uploaded", f"{refused.words}; it could not be cleared: {error.message}")
        if len(left) > self._own_items:
            return Refused("mission.half_uploaded", f"{refused.words}; {len(left)} items are still on board")
        return refused

    async def _abandon(self, kind: MissionType) -> None:
        """Clears the part that was broken off, and the mission that belonged to another plan; for a few seconds at most."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_ABANDON_S):
                for part in dict.fromkeys((kind, MissionType.MISSION)):
                    await clear(self._exchange, part)


def _telling(progress: Progress | None, what: str) -> Callable[[int, int], None]:
    return lambda done, total: progress(what, done, total) if progress else None


def _words(name: str, result: TransferResult) -> str:
    where = "" if result.item is None else f" at item {result.item}"
    if result.end is TransferEnd.SILENT:
        return f"{name}: silence{where}"
    return f"{name}: {result.result.name if result.result else 'asked for one item again and again'}{where}"
