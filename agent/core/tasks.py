"""A task that lives exactly as long as a block of code."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager


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
