"""Where time comes from. UTC is read here and nowhere else; waits go through the event loop.

A process runs on a :class:`TimeBase`. On a nest it is the computer's own clock. Where a whole nest is run faster than real
time, every process gets the same accelerated base, and nothing else in it differs.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from agent.core.errors import ConfigError


@dataclass(frozen=True, slots=True)
class TimeBase:
    """Maps the computer's clock to the process's clock: ``utc = epoch + (computer - epoch) * rate``.

    Attributes:
        rate: seconds of the process's clock in one second of the computer's.
        unix_epoch_s: the moment, in Unix seconds, when both clocks showed the same.
    """

    rate: float = 1.0
    unix_epoch_s: float = 0.0

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads ``RATE@UNIX_EPOCH``, the form :meth:`__str__` writes.

        Raises:
            ConfigError: the text has another form or the rate is not above 0.
        """
        rate_text, _, epoch_text = text.partition("@")
        try:
            base = cls(float(rate_text), float(epoch_text or 0.0))
        except ValueError as error:
            raise ConfigError("config.invalid", f"time base {text!r}: write RATE@UNIX_SECONDS, e.g. 8@1795413600") from error
        if not base.rate > 0:
            raise ConfigError("config.invalid", f"time base {text!r}: the rate is {base.rate}, it must be above 0")
        return base

    def __str__(self) -> str:
        return f"{self.rate:g}@{self.unix_epoch_s:.6f}"

    def unix_s(self, computer_unix_s: float) -> float:
        """The process's Unix time at a moment of the computer's clock."""
        return self.unix_epoch_s + (computer_unix_s - self.unix_epoch_s) * self.rate


class Clock:
    """The wall clock of one process.

    Args:
        base: the time base.
        computer_unix_s: reads the computer's clock; tests give their own.
    """

    def __init__(self, base: TimeBase | None = None, computer_unix_s: Callable[[], float] = time.time) -> None:
        self.base = base or TimeBase()
        self._computer_unix_s = computer_unix_s

    def unix_s(self) -> float:
        """Now, in Unix seconds."""
        return self.base.unix_s(self._computer_unix_s())

    def utc(self) -> datetime:
        """Now, with time zone UTC."""
        return utc_from_unix(self.unix_s())


def utc_from_unix(unix_s: float) -> datetime:
    """Unix seconds as a datetime with time zone UTC."""
    return datetime.fromtimestamp(unix_s, UTC)


def rfc3339(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds and ``Z``.

    Raises:
        ValueError: the moment has no time zone.
    """
    if moment.tzinfo is None:
        raise ValueError(f"{moment!r} has no time zone")
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
