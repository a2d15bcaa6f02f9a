"""Gives each change to every open page. A page that does not keep up is let go; it comes back and gets everything anew."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from agent.desk.board import Change

_QUEUE = 2000


class Page:
    """One open page's queue."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Change] = asyncio.Queue(_QUEUE)
        self.behind = False

    def put(self, change: Change) -> None:
        """One more change."""
        try:
            self._queue.put_nowait(change)
        except asyncio.QueueFull:
            self.behind = True

    async def next(self, timeout_s: float) -> list[Change]:
        """What is new; empty when nothing was for so long."""
        try:
            async with asyncio.timeout(timeout_s):
                changes = [await self._queue.get()]
        except TimeoutError:
            return []
        while not self._queue.empty():
            changes.append(self._queue.get_nowait())
        return changes


class Fan:
    """All open pages."""

    def __init__(self) -> None:
        self._pages: set[Page] = set()

    def tell(self, change: Change) -> None:
        """Gives a change to all."""
        for page in self._pages:
            page.put(change)

    @contextmanager
    def page(self) -> Iterator[Page]:
        """A page for as long as the block lasts."""
        page = Page()
        self._pages.add(page)
        try:
            yield page
        finally:
            self._pages.discard(page)
