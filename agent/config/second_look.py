"""When the drone leaves its route to look at something again, and how."""

from typing import Literal

from pydantic import Field

from agent.config.section import Section


class SecondLookSection(Section):
    """The second look at what may be a hazard."""

    policy: Literal["report", "investigate"] = "report"
    """report: fly on, whatever is seen. investigate: leave the route for a closer look, where it is possible."""
    patience_s: float = Field(default=3.0, ge=0, le=60)
    """So long something must stay doubtful. Much is confirmed, or gone, by itself while the drone flies by."""
    uncertain_m: float = Field(default=40.0, ge=5, le=1000)
    """A confirmed hazard is looked at again too when its place is known no better than this (half the ellipse's length)."""
    range_max_m: float = Field(default=600.0, ge=50, le=5000)
    """What is farther away than this is only reported."""
    standoff_m: float = Field(default=60.0, ge=20, le=500)
    """Least distance across from the place, on its upwind side. It is more where the picture must hold a larger area."""
    height_min_m: float = Field(default=40.0, ge=10, le=200)
    """Least height over the highest ground on the way. The drone does not sink for a look."""
    arc_deg: float = Field(default=120.0, ge=0, le=240)
    """Part of the circle around the place that is flown, its middle upwind. 0: it stays in one place."""
    time_min_s: float = Field(default=10.0, ge=0, le=120)
    """At the place, before anything is decided."""
    time_max_s: float = Field(default=120.0, ge=20, le=900)
    """From leaving the route until it turns back to it."""
    looks_max: int = Field(default=3, ge=1, le=50)
    """Most second looks in one flight."""
    same_place_m: float = Field(default=80.0, ge=5, le=1000)
    """Nothing within this distance of a look of the same flight is looked at again."""
