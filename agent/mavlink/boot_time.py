"""Maps an autopilot's time since boot to UTC.

A message arrives some time after its moment, never before. The least difference between arrival and boot time over a while is
therefore the best estimate of the offset between the two clocks. It is kept per window so that it follows the drift of both.
"""

_WINDOW_S = 30.0
_BACKWARDS_S = 1.0


class BootTime:
    """Offset between time since boot and Unix time, by a sliding minimum."""

    def __init__(self) -> None:
        self._window_start_s = 0.0
        self._this: float | None = None
        self._last: float | None = None
        self._newest_boot_s = 0.0
        self.boots = 0

    def unix_s(self, boot_ms: int, arrived_unix_s: float) -> float:
        """The Unix time of a moment given in milliseconds since boot.

        Args:
            boot_ms: the message's ``time_boot_ms``.
            arrived_unix_s: when it arrived.
        """
        boot_s = boot_ms / 1000.0
        if boot_s < self._newest_boot_s - _BACKWARDS_S:
            self._this = self._last = None
            self._newest_boot_s = boot_s
            self.boots += 1
        self._newest_boot_s = max(self._newest_boot_s, boot_s)
        offset = arrived_unix_s - boot_s
        if self._this is None or arrived_unix_s - self._window_start_s > _WINDOW_S:
            self._last, self._this, self._window_start_s = self._this, offset, arrived_unix_s
        self._this = min(self._this, offset)
        return boot_s + min(self._this, self._this if self._last is None else self._last)

    def known_unix_s(self, boot_ms: int) -> float | None:
        """The Unix time of a moment since boot by the offset known so far; None before the first message."""
        known = [offset for offset in (self._this, self._last) if offset is not None]
        return boot_ms / 1000.0 + min(known) if known else None
