"""Maps an autopilot's time since boot to UTC.

A message arrives some time after its moment, never before. So the least difference between arrival and boot time is the best
estimate of the offset between the two clocks. What was once the least ages: it may grow by the most that the two clocks can
drift apart, so that a clock that runs slow (a simulated autopilot on a busy computer) is followed, and a silence costs little.
"""

_DRIFT_MAX = 0.03
"""Seconds a second. Quartz drifts by some 1e-4; a simulation that cannot hold its speed by some hundredths."""
_STEP_S = 10.0
"""No message is as late as this: one of the clocks was set."""
_BACKWARDS_S = 1.0


class BootTime:
    """Offset between time since boot and Unix time, by an ageing minimum."""

    def __init__(self) -> None:
        self._offset_s: float | None = None
        self._at_unix_s = 0.0
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
            self._offset_s = None
            self._newest_boot_s = boot_s
            self.boots += 1
        self._newest_boot_s = max(self._newest_boot_s, boot_s)
        self._offset_s = self._newer(arrived_unix_s - boot_s, arrived_unix_s)
        self._at_unix_s = arrived_unix_s
        return boot_s + self._offset_s

    def known_unix_s(self, boot_ms: int) -> float | None:
        """The Unix time of a moment since boot by the offset known so far; None before the first message."""
        return None if self._offset_s is None else boot_ms / 1000.0 + self._offset_s

    def _newer(self, offset_s: float, arrived_unix_s: float) -> float:
        """The offset as this message and those before it tell it."""
        if self._offset_s is None:
            return offset_s
        aged_s = self._offset_s + _DRIFT_MAX * max(0.0, arrived_unix_s - self._at_unix_s)
        return offset_s if offset_s > aged_s + _STEP_S else min(offset_s, aged_s)
