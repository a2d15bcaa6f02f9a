"""The parameters that a technician would have set on the drone: the shipped set, one value that each row allows."""

import math
from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import yaml

from simulator.sitl.binary import Backend
from simulator.sitl.launch import BODIES
from simulator.vehicle.parameter_table import ROWS

_OWN_SYSTEM_ID = 255
_SCENARIO_VALUES = {"RTL_ALT": 3000.0, "RTL_RETURN_ALT": 30.0}  # as flight.return_alt_rel_m has it


def firmware_parameters(name: str = "ardupilot/nest", backend: Backend = Backend.BUILTIN) -> dict[str, float]:
    """Values by parameter name: of what each row allows, the nearest to what the drone has by itself.

    Args:
        name: of the set.
        backend: what flies; the built-in vehicle knows not all parameters.
    """
    folder, _, stem = name.partition("/")
    shipped = files("firmware_config").joinpath(folder)
    variant = _read(shipped.joinpath(f"{stem}.yaml"))
    base = _read(shipped.joinpath(f"{variant.get('base', stem)}.yaml"))
    changed = {row["name"]: row for row in variant["parameters"]}
    rows: list[dict[str, Any]] = [changed.get(row["name"], row) for row in base["parameters"]]
    for part in base["parts"]:
        rows += _read(shipped.joinpath("parts").joinpath(f"{part}.yaml"))["parameters"]
    own = _own_values(backend, shipped)
    return {
        row["name"]: _SCENARIO_VALUES.get(row["name"], _allowed(row, own.get(row["name"], 0.0)))
        for row in rows
        if row["name"] in own or not row.get("optional")
    }


def _own_values(backend: Backend, shipped: Traversable) -> Mapping[str, float]:
    """What the drone has before anybody sets anything: as delivered, and as its simulated body is."""
    if backend is Backend.BUILTIN:
        return {row.name: row.default for row in ROWS}
    rows: dict[str, dict[str, Any]] = _read(shipped.joinpath("metadata.yaml"))["parameters"]
    return {name: float(row["default"]) for name, row in rows.items() if "default" in row} | dict(BODIES[backend])


def _read(file: Traversable) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return content


def _allowed(row: dict[str, Any], default: float) -> float:
    """The right value that is nearest to the vehicle's own."""
    if row.get("own_system_id"):
        return float(_OWN_SYSTEM_ID)
    if "value" in row:
        return float(row["value"])
    return float(min(max(default, row.get("min", -math.inf)), row.get("max", math.inf)))
