"""Reads the outline of a department's area from GeoJSON: a polygon, a feature, or a collection of one feature."""

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from agent.core.errors import ConfigError
from agent.core.geo import LatLon
from agent.domain.request import GeoJsonArea
from agent.domain.route import Ring


def load_area(path: Path) -> Ring:
    """Reads one polygon without holes.

    Raises:
        ConfigError: with the file and what is wrong in it.
    """
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
        polygon = GeoJsonArea.model_validate_json(json.dumps(_geometry(tree)))
    except FileNotFoundError as error:
        raise ConfigError("route.unreadable", f"{path}: there is no such file") from error
    except ValidationError as error:
        raise ConfigError("route.unreadable", f"{path}: no polygon without holes: {error.errors()[0]['msg']}") from error
    except (OSError, ValueError) as error:
        raise ConfigError("route.unreadable", f"{path}: cannot be read as GeoJSON ({error})") from error
    return ring_of(polygon)


def ring_of(polygon: GeoJsonArea) -> Ring:
    """The polygon's outline without its closing vertex."""
    places = tuple(LatLon(lat, lon) for lon, lat in polygon.coordinates[0])
    return places[:-1] if places[0] == places[-1] else places


def _geometry(tree: Any) -> Any:  # noqa: ANN401 JSON
    """The geometry in a feature or in a collection of one."""
    if isinstance(tree, dict) and isinstance(features := tree.get("features"), list) and len(features) == 1:
        return _geometry(features[0])
    if isinstance(tree, dict) and "geometry" in tree:
        return tree["geometry"]
    return tree
