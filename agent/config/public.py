"""What the nest tells the public."""

from typing import Literal

from pydantic import Field

from agent.config.section import Section
from agent.domain.hazard import Hazard


class PublicSection(Section):
    """Late and coarse notices, and figures of each month, for a public page."""

    delay_s: float = Field(default=86400.0, ge=3600, le=2592000)
    """What happened is told so much later at the earliest, at the change of a day (UTC)."""
    district: str | None = Field(default=None, min_length=1, max_length=100)
    """Stands in place of where something was. Null: the cell of a grid is told."""
    cell_deg: float = Field(default=0.1, ge=0.02, le=2)
    """Size of that grid's cells; 0.1 degrees are 11 km from south to north."""
    hazards: tuple[Literal[Hazard.FIRE, Hazard.SMOKE, Hazard.FLOOD, Hazard.POLLUTION], ...] = (
        Hazard.FIRE,
        Hazard.SMOKE,
        Hazard.FLOOD,
    )
    """What is told and counted. People and vehicles never are."""
    fewer_than: int = Field(default=3, ge=1, le=100)
    """Smaller numbers in the figures are left out."""
    days: int = Field(default=30, ge=1, le=366)
    """How long an incident stands in the notice."""
    months: int = Field(default=13, ge=1, le=60)
    """Of how many months figures are told."""
