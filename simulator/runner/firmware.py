"""The parameters that a technician would have set on the drone: the shipped set, one value that each row allows."""

from importlib.resources import files
from typing import Any

import yaml

_OWN_SYSTEM_ID = 255
_SCENARIO_VALUES = {"RTL_ALT": 3000.0, "RTL_RETURN_ALT": 30.0}  # as flight.return_alt_rel_m has it


def firmware_parameters(name: str = "ardupilot/nest") -> dict[str, float]:
    """Values by parameter name."""
    text = files("firmware_config").joinpath(f"{name}.yaml").read_text(encoding="utf-8")
    rows: list[dict[str, Any]] = yaml.safe_load(text)["parameters"]
    return {row["name"]: _SCENARIO_VALUES.get(row["name"], _allowed(row)) for row in rows}


def _allowed(row: dict[str, Any]) -> float:
    if row.get("own_system_id"):
        return float(_OWN_SYSTEM_ID)
    return float(next(row[key] for key in ("value", "min", "max") if key in row))
