"""What anybody may know of a nest: late and coarse. Field meanings stand in docs/hub.md."""

import datetime as dt
from typing import Literal

from pydantic import Field

from agent.domain.hazard import Hazard
from agent.domain.wire import Latitude, Longitude, Utc, Wire


class PublicCell(Wire):
    """A square of a fixed grid, by its centre."""

    lat: Latitude
    lon: Longitude
    size_deg: float


class PublicIncident(Wire):
    """That there was something of a kind, on a day, in a cell or in the district. Several of them are told as one."""

    hazard: Hazard
    day: dt.date
    state: Literal["reported", "over"]
    cell: PublicCell | None = Field(default=None, description="Left out where the notice names a district.")


class PublicMonth(Wire):
    """Figures of a month. What is left out is a number below the notice's ``fewer_than``."""

    month: str = Field(pattern=r"^\d{4}-\d{2}$")
    complete: bool
    flights: int | None = Field(default=None, ge=0)
    hectares: int | None = Field(default=None, ge=0, description="Looked at, to ten; overlaps within a flight counted once.")
    incidents: int | None = Field(default=None, ge=0)


class PublicNotice(Wire):
    """The state at the beginning of a day, UTC, told when the delay has passed since."""

    as_of: Utc
    district: str | None = None
    incidents: tuple[PublicIncident, ...] = ()
    months: tuple[PublicMonth, ...] = ()
    fewer_than: int = Field(ge=1)
    simulated: bool = False
