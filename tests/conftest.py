"""What holds for every test."""

from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture(autouse=True)
def _log_as_delivered() -> Iterator[None]:
    """A command that a test runs in this process sets up the log for itself; the next test has its own output."""
    yield
    structlog.reset_defaults()
