"""Tasks that live exactly as long as a block of code, and tasks that are begun again where they fail."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager

import structlog

_log = structlog.get_logger(__name__)
_AGAIN_S = 1.0


async def kept_up(service: Callable[[], Coroutine[object, object, None]], name: str) -> None:
    """Runs a service that no flight hangs on. Where it fails, that is reported, and it is begun again."""
    while True:
        try:
            return await service()
        except Exception:  # noqa: BLE001 the outermost loop of a service
            _log.exception("service.failed", service=name, again_in_s=_AGAIN_S)
        await asyncio.sleep(_AGAIN_S)


@asynccontextmanager
async def background(work: Coroutine[object, object, None], name: str) -> AsyncIterator[None]:
    """Runs the coroutine beside the block and cancels it when the block is left.

    If the coroutine fails, the block is cancelled and the failure raised. A single failure, of the block or of the coroutine,
    is raised as it is and not as a group, so that a known error stays the one clear line it was.
    """
    try:
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(work, name=name)
            try:
                yield
            finally:
                task.cancel()
    except BaseExceptionGroup as group:
        only = _only(group)
        if only is group:
            raise
        raise only from None


def _only(error: BaseException) -> BaseException:
    """The one error in a group, or in groups of groups; the error itself where there are more."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error
