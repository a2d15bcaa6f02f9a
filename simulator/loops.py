"""Event loops whose clock is not the computer's: accelerated, or virtual for tests.

Code under test is the same; only the loop that runs it differs. Both keep asyncio's own scheduler and change two things:
what ``loop.time()`` says, and how long the selector really sleeps.
"""

import asyncio
import selectors
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from selectors import SelectorKey
from typing import Any, TypeVar

T = TypeVar("T")


class _ForwardingSelector(selectors.BaseSelector):
    """A selector that forwards all to a real one; subclasses change the sleep."""

    def __init__(self) -> None:
        self._real = selectors.DefaultSelector()

    def register(self, fileobj: Any, events: int, data: Any = None) -> SelectorKey:  # noqa: ANN401 the base class's types
        """Forwards."""
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> SelectorKey:  # noqa: ANN401 the base class's types
        """Forwards."""
        return self._real.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> SelectorKey:  # noqa: ANN401 the base class's types
        """Forwards."""
        return self._real.modify(fileobj, events, data)

    def get_map(self) -> Mapping[Any, SelectorKey]:
        """Forwards."""
        return self._real.get_map()

    def close(self) -> None:
        """Forwards."""
        self._real.close()

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        """Forwards."""
        return self._real.select(timeout)


class _ScaledSelector(_ForwardingSelector):
    def __init__(self, rate: float) -> None:
        super().__init__()
        self._rate = rate

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        return super().select(None if timeout is None else timeout / self._rate)


class ScaledLoop(asyncio.SelectorEventLoop):
    """A loop whose clock runs ``rate`` times as fast as the computer's."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._start_s = time.monotonic()
        super().__init__(_ScaledSelector(rate))

    def time(self) -> float:
        """Seconds of the scaled clock."""
        return (time.monotonic() - self._start_s) * self._rate


class _VirtualSelector(_ForwardingSelector):
    """Never sleeps for a timer: if no file is ready it advances the clock by the whole time-out."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0
        self.on_threads = 0

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        # Without any timer, only I/O or another thread can wake the loop: wait for it in real time. While the loop's own
        # work is done on a thread, the clock stands still: a disk that takes milliseconds must not cost hours.
        stands = timeout is None or (timeout > 0 and self.on_threads > 0)
        ready = super().select(None if stands else 0.0)
        if not ready and timeout:
            self.now_s += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop whose time jumps to the next timer as soon as nothing is left to do, on the loop or on its threads."""

    def __init__(self) -> None:
        self._virtual = _VirtualSelector()
        super().__init__(self._virtual)

    def time(self) -> float:
        """Seconds of the virtual clock."""
        return self._virtual.now_s

    def run_in_executor(self, executor: Executor | None, func: Callable[..., T], *args: object) -> asyncio.Future[T]:
        """Runs on a thread; time stands still meanwhile."""
        future = super().run_in_executor(executor, func, *args)
        self._virtual.on_threads += 1
        future.add_done_callback(self._returned)
        return future

    def _returned(self, _: object) -> None:
        self._virtual.on_threads -= 1
