"""The parameters that a technician would have set on the drone: the shipped set, one value that each row allows."""

import math
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import yaml

from simulator.vehicle.parameter_table import ROWS

_OWN_SYSTEM_ID = 255
_SCENARIO_VALUES = {"RTL_ALT": 3000.0, "RTL_RETURN_ALT": 30.0}  # as flight.return_alt_rel_m has it


def firmware_parameters(name: str = "ardupilot/nest") -> dict[str, float]:
    """Values by parameter name, for the parameters that the built-in vehicle has."""
    folder, _, stem = name.partition("/")
    shipped = files("firmware_config").joinpath(folder)
    content = _read(shipped.joinpath(f"{stem}.yaml"))
    rows: list[dict[str, Any]] = list(content["parameters"])
    for part in content["parts"]:
        rows += _read(shipped.joinpath("parts").joinpath(f"{part}.yaml"))["parameters"]
    defaults = {row.name: row.default for row in ROWS}
    return {
        row["name"]: _SCENARIO_VALUES.get(row["name"], _allowed(row, defaults.get(row["name"], 0.0)))
        for row in rows
        if row["name"] in defaults or not row.get("optional")
    }


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
