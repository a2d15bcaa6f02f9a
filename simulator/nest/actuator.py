"""One motor-driven part that travels between two ends: a lid, a pair of clamps, a charger's contacts. Pure physics."""

from dataclasses import dataclass


@dataclass
class Actuator:
    """Travels from 0 (home) to 1 at a constant speed.

    Attributes:
        travel_s: time from end to end in seconds.
        position: 0..1.
        drive: what the motor pulls: -1 towards 0, +1 towards 1, 0 stands.
        blocked: something holds it where it is.
        limit: it cannot get beyond this position, as if something lay in the way.
    """

    travel_s: float
    position: float = 0.0
    drive: int = 0
    blocked: bool = False
    limit: float = 1.0

    def step(self, dt_s: float) -> float:
        """Lets time pass and returns how far it moved, positive towards 1."""
        if self.drive == 0 or self.blocked:
            return 0.0
        wanted = self.position + self.drive * dt_s / self.travel_s
        before = self.position
        upper = max(self.limit, before)  # what already is beyond an obstacle is not pulled back by it
        self.position = min(max(wanted, 0.0), upper)
        return self.position - before

    @property
    def home(self) -> bool:
        """The end switch at 0 is made."""
        return self.position <= 0.005

    @property
    def out(self) -> bool:
        """The end switch at 1 is made."""
        return self.position >= 0.995
