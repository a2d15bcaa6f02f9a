"""Writes what a technician would install on the nest of a scenario: configuration, site, route, terrain."""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from agent.core.geo import LatLon
from simulator.scenario import Scenario


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the parts of one run listen, all on the loopback interface."""

    broker: int
    vehicle: int
    camera_pose: int
    dock_pose: int
    camera: int
    modbus: int
    weather: int


def write_nest(
    scenario: Scenario,
    folder: Path,
    ports: Ports,
    take_off: datetime,
    protocol: str,
    water: dict[str, Any],
    *,
    parameter_set: str = "ardupilot/nest",
    camera: dict[str, Any] | None = None,
) -> Path:
    """Writes the nest's files and returns the configuration's path.

    Args:
        take_off: when the calendar starts the flight, UTC.
        protocol: MQTT version, ``5`` or ``3.1.1``.
        water: GeoJSON of the river's normal extent.
        parameter_set: of the autopilot that flies.
        camera: what is told of a camera other than the scenario's.
    """
    (folder / "routes").mkdir(parents=True, exist_ok=True)
    _dump(folder / "site.geojson", site_geojson(scenario, water))
    _dump(folder / "routes" / f"{scenario.nest.route.id}.geojson", route_geojson(scenario))
    path = folder / "nest.yaml"
    told = configuration(scenario, ports, take_off, protocol, parameter_set)
    if camera is not None:
        told["vision"]["camera"] = {**told["vision"].get("camera", {}), **camera}
    path.write_text(yaml.safe_dump(told, sort_keys=False), encoding="utf-8")
    return path


def configuration(
    scenario: Scenario, ports: Ports, take_off: datetime, protocol: str, parameter_set: str = "ardupilot/nest"
) -> dict[str, Any]:
    """The agent's configuration: the shipped defaults, and what this nest must be told."""
    pad = scenario.world.place
    sections: dict[str, dict[str, Any]] = {
        "nest": {
            "id": scenario.nest.id,
            "name": scenario.title,
            "pad": {"lat": pad.lat_deg, "lon": pad.lon_deg, "alt_amsl_m": scenario.world.nest_alt_amsl_m},
            "site_file": "site.geojson",
            "routes_dir": "routes",
            "terrain_file": "dem.asc",
            "simulated": True,
        },
        "store": {"directory": "store"},
        "vehicle": {"link": f"udp-listen:127.0.0.1:{ports.vehicle}", "parameter_set": parameter_set},
        "dock": {"host": "127.0.0.1", "port": ports.modbus},
        "weather": {"url": f"http://127.0.0.1:{ports.weather}/weather"},
        "vision": {"source": f"http://127.0.0.1:{ports.camera}/stream.mjpg"},
        "hub": {"host": "127.0.0.1", "port": ports.broker, "protocol": protocol, "tls": None},
        "missions": {
            "schedule": [{"route": scenario.nest.route.id, "at_utc": take_off.strftime("%H:%M:%S"), "latest_after_s": 600}]
        },
    }
    wanted = scenario.nest.settings
    if "landing" in wanted:
        sections["landing"] = {"source": f"http://127.0.0.1:{ports.camera}/down.mjpg"}
    if "thermal" in wanted.get("vision", {}):
        seen = {"source": f"http://127.0.0.1:{ports.camera}/thermal.mjpg", **(wanted["vision"]["thermal"] or {})}
        wanted = {**wanted, "vision": {**wanted["vision"], "thermal": seen}}
    return {name: {**sections.get(name, {}), **wanted.get(name, {})} for name in sections | wanted}


def site_geojson(scenario: Scenario, water: dict[str, Any]) -> dict[str, Any]:
    """Fence, rally points and normal water."""
    ring = [_lonlat(scenario.place(corner)) for corner in scenario.nest.fence]
    fence = _feature("Polygon", [[*ring, ring[0]]], kind="fence", alt_max_rel_m=scenario.nest.fence_alt_max_rel_m)
    rally = [_feature("Point", _lonlat(scenario.place(p)), kind="rally", alt_rel_m=p.alt_rel_m) for p in scenario.nest.rally]
    return {"type": "FeatureCollection", "features": [fence, *rally, *_normal_water(water)]}


def route_geojson(scenario: Scenario) -> dict[str, Any]:
    """The route's inspection points in the order of flight."""
    route = scenario.nest.route
    points = [
        _feature(
            "Point",
            _lonlat(scenario.place(p)),
            kind="inspection_point",
            id=p.id,
            height_agl_m=p.height_agl_m,
            dwell_s=p.dwell_s,
            camera_pitch_deg=p.camera_pitch_deg,
        )
        for p in route.points
    ]
    members = {"id": route.id, "name": route.name, "scenario": route.scenario, "speed_m_s": route.speed_m_s}
    return {"type": "FeatureCollection", **members, "features": points}


def _normal_water(water: dict[str, Any]) -> list[dict[str, Any]]:
    """Every outer ring of the river's polygons as a feature of the site file."""
    features = water["features"] if water.get("type") == "FeatureCollection" else [water]
    geometries = [feature.get("geometry", feature) for feature in features]
    polygons = [p for g in geometries for p in (g["coordinates"] if g["type"] == "MultiPolygon" else [g["coordinates"]])]
    return [_feature("Polygon", polygon, kind="normal_water") for polygon in polygons]


def _feature(geometry: str, coordinates: Any, **properties: Any) -> dict[str, Any]:  # noqa: ANN401 JSON
    return {"type": "Feature", "geometry": {"type": geometry, "coordinates": coordinates}, "properties": properties}


def _lonlat(place: LatLon) -> list[float]:
    return [round(place.lon_deg, 7), round(place.lat_deg, 7)]


def _dump(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=1), encoding="utf-8")
