"""Reads routes and the site from GeoJSON, so that any GIS can draw them.

A site file holds features of kind ``fence`` (one, with ``alt_max_rel_m``), ``exclusion``, ``rally`` (points, ``alt_rel_m``),
``normal_water`` and ``normal_heat`` (polygons). Fence and exclusions are polygons, or points with ``radius_m``: circles. A
route file holds point features of kind ``inspection_point`` in order of flight; its own members ``id``, ``name``, ``scenario``
and ``speed_m_s`` stand beside ``features``.
"""

from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError

from agent.core.errors import ConfigError
from agent.core.geo import Circle, LatLon
from agent.domain.mission import Fence, FenceArea, RallyPoint
from agent.domain.route import InspectionPoint, Ring, Route, Site

Longitude = Annotated[float, Field(ge=-180, le=180)]
Latitude = Annotated[float, Field(ge=-90, le=90)]
LonLat = tuple[Longitude, Latitude] | tuple[Longitude, Latitude, float]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Tolerant(BaseModel):
    """GeoJSON itself allows foreign members (RFC 7946, 6.1); GIS programs add them."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class _Point(_Tolerant):
    type: Literal["Point"]
    coordinates: LonLat


class _Polygon(_Tolerant):
    type: Literal["Polygon"]
    coordinates: Annotated[list[Annotated[list[LonLat], Field(min_length=4)]], Field(min_length=1)]


Radius = Annotated[float, Field(ge=1, le=20_000)]


class _FenceProperties(_Part):
    kind: Literal["fence"]
    alt_max_rel_m: float = Field(gt=5, le=1000)


class _RoundFenceProperties(_FenceProperties):
    radius_m: Radius


class _RoundExclusionProperties(_Part):
    kind: Literal["exclusion"]
    radius_m: Radius


class _RallyProperties(_Part):
    kind: Literal["rally"]
    alt_rel_m: float = Field(ge=5, le=500)


class _OutlineProperties(_Part):
    kind: Literal["exclusion", "normal_water", "normal_heat"]


class _FenceFeature(_Tolerant):
    geometry: _Polygon
    properties: _FenceProperties


class _RoundFenceFeature(_Tolerant):
    geometry: _Point
    properties: _RoundFenceProperties


class _RoundExclusionFeature(_Tolerant):
    geometry: _Point
    properties: _RoundExclusionProperties


class _RallyFeature(_Tolerant):
    geometry: _Point
    properties: _RallyProperties


class _OutlineFeature(_Tolerant):
    geometry: _Polygon
    properties: _OutlineProperties


def _form(feature: Any) -> str | None:  # noqa: ANN401 whatever stands in the file
    """Which form a feature must have: by its kind, and whether it is drawn as a point."""
    try:
        kind, drawn = feature["properties"]["kind"], feature["geometry"]["type"]
    except (KeyError, TypeError):
        return None
    return f"{kind} as a circle" if drawn == "Point" and kind in {"fence", "exclusion"} else str(kind)


_SiteFeature = Annotated[
    Annotated[_FenceFeature, Tag("fence")]
    | Annotated[_RoundFenceFeature, Tag("fence as a circle")]
    | Annotated[_RallyFeature, Tag("rally")]
    | Annotated[_OutlineFeature, Tag("exclusion")]
    | Annotated[_OutlineFeature, Tag("normal_water")]
    | Annotated[_OutlineFeature, Tag("normal_heat")]
    | Annotated[_RoundExclusionFeature, Tag("exclusion as a circle")],
    Discriminator(_form),
]


class _SiteFile(_Tolerant):
    type: Literal["FeatureCollection"]
    features: list[_SiteFeature]


class _PointProperties(_Part):
    kind: Literal["inspection_point"]
    id: str = Field(min_length=1, max_length=64)
    height_agl_m: float = Field(ge=5, le=500)
    dwell_s: float = Field(default=3.0, ge=0, le=600)
    camera_pitch_deg: float = Field(default=-45.0, ge=-90, le=30)
    heading_deg: float | None = Field(default=None, ge=0, lt=360)
    pictures: int = Field(default=1, ge=0, le=20)


class _PointFeature(_Tolerant):
    geometry: _Point
    properties: _PointProperties


class _RouteFile(_Tolerant):
    type: Literal["FeatureCollection"]
    id: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")
    name: str
    scenario: str
    speed_m_s: float = Field(default=10.0, ge=1, le=25)
    features: list[_PointFeature] = Field(min_length=1, max_length=600)


def load_site(path: Path) -> Site:
    """Reads the site file.

    Raises:
        ConfigError: with the file, the place in it, the value and the limit.
    """
    features = _read(_SiteFile, path).features
    fences = [f for f in features if isinstance(f, _FenceFeature | _RoundFenceFeature)]
    if len(fences) != 1:
        raise ConfigError("route.unreadable", f"{path}: {len(fences)} features of kind fence; there must be exactly one")
    outlines = [f for f in features if isinstance(f, _OutlineFeature)]
    exclusions: tuple[FenceArea, ...] = (
        *(_ring(f.geometry) for f in outlines if f.properties.kind == "exclusion"),
        *(_circle(f) for f in features if isinstance(f, _RoundExclusionFeature)),
    )
    rally = tuple(
        RallyPoint(_place(f.geometry.coordinates), f.properties.alt_rel_m) for f in features if isinstance(f, _RallyFeature)
    )
    water = tuple(_ring(f.geometry) for f in outlines if f.properties.kind == "normal_water")
    heat = tuple(_ring(f.geometry) for f in outlines if f.properties.kind == "normal_heat")
    drawn = fences[0]
    inclusion = _circle(drawn) if isinstance(drawn, _RoundFenceFeature) else _ring(drawn.geometry)
    fence = Fence(inclusion, exclusions, drawn.properties.alt_max_rel_m)
    return Site(fence, rally, water, heat)


def load_route(path: Path) -> Route:
    """Reads one route file.

    Raises:
        ConfigError: with the file, the place in it, the value and the limit.
    """
    file = _read(_RouteFile, path)
    points = tuple(
        InspectionPoint(
            id=f.properties.id,
            place=_place(f.geometry.coordinates),
            height_agl_m=f.properties.height_agl_m,
            dwell_s=f.properties.dwell_s,
            camera_pitch_deg=f.properties.camera_pitch_deg,
            heading_deg=f.properties.heading_deg,
            pictures=f.properties.pictures,
        )
        for f in file.features
    )
    ids = [point.id for point in points]
    if twice := sorted({i for i in ids if ids.count(i) > 1}):
        raise ConfigError("route.unreadable", f"{path}: inspection point id {twice[0]!r} stands twice; ids must be unique")
    return Route(file.id, file.name, file.scenario, file.speed_m_s, points)


def load_routes(folder: Path) -> dict[str, Route]:
    """Reads every ``*.geojson`` of the folder; routes by id.

    Raises:
        ConfigError: a file is wrong, two have one id, or the folder is missing.
    """
    if not folder.is_dir():
        raise ConfigError("route.unreadable", f"{folder}: there is no such folder; put the route files there")
    routes: dict[str, Route] = {}
    for path in sorted(folder.glob("*.geojson")):
        route = load_route(path)
        if route.id in routes:
            raise ConfigError("route.unreadable", f"{path}: route id {route.id!r} is used by another file too")
        routes[route.id] = route
    return routes


M = TypeVar("M", _SiteFile, _RouteFile)


def _read(model: type[M], path: Path) -> M:
    try:
        return model.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError("route.unreadable", f"{path}: there is no such file") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("route.unreadable", f"{path}: cannot be read ({error})") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "file"
        given = "" if isinstance(first["input"], dict | list) else f" is {first['input']!r}"
        raise ConfigError("route.unreadable", f"{path}: {where}{given}: {first['msg']}") from error


def _place(coordinates: LonLat) -> LatLon:
    return LatLon(coordinates[1], coordinates[0])


def _circle(feature: _RoundFenceFeature | _RoundExclusionFeature) -> Circle:
    return Circle(_place(feature.geometry.coordinates), feature.properties.radius_m)


def _ring(polygon: _Polygon) -> Ring:
    """The outer ring without its closing vertex."""
    places = tuple(_place(c) for c in polygon.coordinates[0])
    return places[:-1] if places[0] == places[-1] else places
