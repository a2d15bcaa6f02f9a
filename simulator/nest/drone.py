"""Where the drone truly is with respect to the pad, and what it would hit. Pure geometry."""

import math
from dataclasses import dataclass

from agent.core.geo import LatLon, LocalFrame

PAD_RADIUS_M = 0.5
"""Standing so close to the centre, the clamps reach the drone's feet and the pad's sensor sees it."""
BOX_RADIUS_M = 1.5
"""Half the opening of the box with the sweep of the lid."""
LID_HEIGHT_M = 3.0
"""The lid's edge sweeps up to this height over the pad."""
LIFTED_M = 0.3
"""Higher over the pad than this the drone does not stand any more, whatever its undercarriage."""


@dataclass(frozen=True)
class Pad:
    """The pad's centre, WGS84 degrees and metres above mean sea level."""

    place: LatLon
    alt_amsl_m: float


@dataclass(frozen=True)
class DroneTruth:
    """One true pose of the drone.

    Attributes:
        place: WGS84 degrees.
        alt_amsl_m: metres above mean sea level.
        landed: it stands on something.
        armed: its motors may turn.
        battery: state of charge 0..1; None where it is not told.
        exact: from the simulation's truth; else from the drone's own estimate.
    """

    place: LatLon
    alt_amsl_m: float
    landed: bool
    armed: bool
    battery: float | None = None
    exact: bool = True


@dataclass(frozen=True)
class OverPad:
    """The drone seen from the pad: metres sideways and metres above it."""

    sideways_m: float
    above_m: float
    landed: bool
    armed: bool

    @property
    def on_pad(self) -> bool:
        """Stands where the clamps hold it."""
        return self.landed and self.sideways_m <= PAD_RADIUS_M and abs(self.above_m) < 2.0

    @property
    def in_box(self) -> bool:
        """Within the sweep of the lid, standing or flying."""
        return self.sideways_m < BOX_RADIUS_M and self.above_m < LID_HEIGHT_M

    @property
    def lifted(self) -> bool:
        """Flies within the sweep of the lid."""
        return self.in_box and not self.landed and self.above_m > LIFTED_M

    @property
    def sticks_out(self) -> bool:
        """Stands in the box so far from the centre that the lid would hit an arm."""
        return self.in_box and self.landed and self.sideways_m > PAD_RADIUS_M


def over_pad(drone: DroneTruth, pad: Pad) -> OverPad:
    """Sees the drone from the pad. An estimate is brought to the pad's centre by the error of a GNSS fix, at most 1.5 m."""
    north_m, east_m = LocalFrame(pad.place).to_local(drone.place)
    sideways_m = math.hypot(north_m, east_m)
    if not drone.exact:
        sideways_m = max(0.0, sideways_m - 1.5)
    return OverPad(sideways_m, drone.alt_amsl_m - pad.alt_amsl_m, drone.landed, drone.armed)
