"""What departments ask of a nest, and what it answers. Field meanings stand in docs/hub.md."""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints, model_validator

from agent.domain.status import Reason
from agent.domain.wire import Azimuth, Latitude, Longitude, Person, Utc, Wire, printable

RequestId = Annotated[str, StringConstraints(pattern=r"^[0-7][0-9A-HJKMNP-TV-Z]{25}$")]
DepartmentId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,30}$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(printable)]
LonLat = tuple[Longitude, Latitude]
HeightAgl = Annotated[float, Field(ge=10, le=150)]

OnLinkLoss = Literal["finish", "return"]
OnDetection = Literal["report", "investigate"]


class _Asked(Wire):
    """Strict, because it comes from outside: no number in quotes, no NaN, nothing unknown."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False, use_attribute_docstrings=True)


class Priority(StrEnum):
    """How much a flight matters."""

    ROUTINE = "routine"
    ELEVATED = "elevated"
    EMERGENCY = "emergency"

    @property
    def rank(self) -> int:
        """Grows with what matters more."""
        return list(Priority).index(self)


class PointTarget(_Asked):
    """A place to look at. The drone stands off and turns its camera to it."""

    lat: Latitude
    lon: Longitude
    height_agl_m: HeightAgl = 60.0
    """Height of the drone over the ground below it."""
    stand_off_m: float = Field(default=60.0, ge=0, le=500)
    """Distance across from the place. 0: right above it, camera straight down."""
    from_deg: Azimuth | None = None
    """On which side of the place the drone stands, from true north. Left out: on the pad's side."""
    dwell_s: float = Field(default=30.0, ge=0, le=300)


class GeoJsonArea(_Asked):
    """RFC 7946 polygon of one closed ring of [lon, lat], without holes."""

    type: Literal["Polygon"] = "Polygon"
    coordinates: tuple[Annotated[tuple[LonLat, ...], Field(min_length=4, max_length=500)]]


class AreaTarget(_Asked):
    """An area to look at completely, camera straight down."""

    polygon: GeoJsonArea
    height_agl_m: HeightAgl = 60.0
    overlap: float = Field(default=0.3, ge=0.0, le=0.8)
    """Part of each picture that the neighbouring picture shows too."""


class GeoJsonLine(_Asked):
    """RFC 7946 line string of [lon, lat]."""

    type: Literal["LineString"] = "LineString"
    coordinates: tuple[LonLat, ...] = Field(min_length=2, max_length=1000)


class LineTarget(_Asked):
    """A line to look along, such as a river or a power line."""

    line: GeoJsonLine
    height_agl_m: HeightAgl = 60.0
    offset_m: float = Field(default=0.0, ge=0.0, le=200.0)
    """Distance across from the line; 0: above it, camera straight down."""
    side: Literal["left", "right", "both"] = "left"
    """On which side of the line's direction, where there is an offset. both: out on the left, back on the right."""
    overlap: float = Field(default=0.3, ge=0.0, le=0.8)


class FlightRequest(_Asked):
    """A department asks for a flight. Exactly one of ``route``, ``area``, ``line`` and ``point`` says where to."""

    request: RequestId
    """ULID, made by the requester. The same request sent again has the same one and is answered the same."""
    department: DepartmentId
    by: Person
    scenario: Name
    route: Name | None = None
    area: AreaTarget | None = None
    line: LineTarget | None = None
    point: PointTarget | None = None
    priority: Priority = Priority.ROUTINE
    not_before: Utc | None = None
    """Not to be started earlier."""
    expires: Utc
    """Worth nothing if it was not started by then."""
    on_link_loss: OnLinkLoss | None = None
    """Left out: as the nest is configured."""
    on_detection: OnDetection | None = None
    """Left out: as the nest is configured."""
    speed_m_s: float | None = Field(default=None, ge=1, le=25)
    """Left out: the route's own, or the nest's cruise speed."""

    @model_validator(mode="after")
    def _one_target(self) -> Self:
        given = [name for name in ("route", "area", "line", "point") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"exactly one of route, area, line and point must be given, not {', '.join(given) or 'none'}")
        return self


class CancelRequest(_Asked):
    """A department takes a request of its own back. A drone that flies it comes home."""

    request: RequestId
    """ULID of this message, made by the requester."""
    department: DepartmentId
    by: Person
    cancel: RequestId
    """The request that is taken back."""
    reason: Annotated[str, Field(max_length=500), AfterValidator(printable)] = ""


class FlightReply(Wire):
    """What the nest says to a request. ``sequence`` grows by one with every answer to one request."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    request: str | None = None
    """Whose answer this is. Left out where the message could not be read so far."""
    department: str
    sequence: int = Field(ge=1)
    at: Utc
    answer: Literal["accepted", "refused", "started", "preempted", "resumed", "done"]
    reasons: tuple[Reason, ...] = ()
    alert: str | None = None
    """The alert whose place is looked at again, where its answer asked for that."""
    flight: str | None = None
    route: str | None = None
    """Under which name the flight reports tell of it."""
    queue_place: int | None = Field(default=None, ge=1)
    """1: the next to fly."""
    earliest_start: Utc | None = None
    outcome: Literal["completed", "cut_short", "refused", "fault", "cancelled", "expired", "unknown"] | None = None
    """With done: how it ended."""
    points_seen: int | None = Field(default=None, ge=0)
    points_total: int | None = Field(default=None, ge=0)
    audit: str | None = None
    """SHA-256 of the entry in the nest's audit log; keep it to prove later what the log said."""
