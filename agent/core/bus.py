"""A typed in-process bus: a value is published once, every subscriber of its type gets it in order.

Single-threaded by design: publish only from the event loop. A subscriber that falls behind loses its oldest values, and the
loss is counted; nobody who publishes ever waits.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

T = TypeVar("T")


class Subscription(Generic[T]):
    """An ordered, bounded inbox of values of some types."""

    def __init__(self, types: tuple[type[T], ...], limit: int) -> None:
        self.types = types
        self.dropped = 0
        self._values: deque[T] = deque(maxlen=limit)
        self._wake = asyncio.Event()

    def offer(self, value: T) -> None:
        """Takes a value in; the oldest falls out when full."""
        if len(self._values) == self._values.maxlen:
            self.dropped += 1
        self._values.append(value)
        self._wake.set()

    async def get(self) -> T:
        """The next value, waiting for it if there is none."""
        while not self._values:
            self._wake.clear()
            await self._wake.wait()
        return self._values.popleft()

    async def __aiter__(self) -> AsyncIterator[T]:
        while True:
            yield await self.get()


class Bus:
    """Connects who publishes with who listens, by type."""

    def __init__(self) -> None:
        self._subscriptions: list[Subscription[object]] = []

    def publish(self, value: object) -> None:
        """Hands the value to every subscription for its type."""
        for subscription in self._subscriptions:
            if isinstance(value, subscription.types):
                subscription.offer(value)

    @contextmanager
    def subscribe(self, *types: type[T], limit: int = 1000) -> Iterator[Subscription[T]]:
        """A subscription that lives as long as the ``with`` block."""
        subscription = Subscription[T](types, limit)
        self._subscriptions.append(subscription)  # type: ignore[arg-type]
        try:
            yield subscription
        finally:
            self._subscriptions.remove(subscription)  # type: ignore[arg-type]
