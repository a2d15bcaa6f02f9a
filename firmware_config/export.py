"""A parameter set as the files that ground stations load. Pure: rows in, text out."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from firmware_config.schema import Metadata, ParameterRow, ParameterSet

_REAL32 = 9


def value_of(row: ParameterRow, metadata: Metadata, own_system_id: int) -> float:
    """The one value to write: where a row allows several, that nearest to the firmware's default."""
    least, most = row.limits(own_system_id)
    if metadata.default is not None:
        return row.nearest(metadata.default, own_system_id)
    return least if least != float("-inf") else most


def mission_planner(wanted: ParameterSet, metadata: Mapping[str, Metadata], own_system_id: int) -> str:
    """A ``.param`` file, as Mission Planner and MAVProxy read it: ``NAME,VALUE``."""
    lines = [f"# nest parameter set for {wanted.autopilot} {wanted.firmware}, sha256 {wanted.digest}"]
    lines += [f"{row.name},{value_of(row, metadata[row.name], own_system_id):g}" for row in wanted.rows]
    return "\n".join(lines) + "\n"


def qgroundcontrol(wanted: ParameterSet, metadata: Mapping[str, Metadata], own_system_id: int) -> str:
    """A ``.params`` file, as QGroundControl reads it: vehicle, component, name, value and MAV_PARAM_TYPE, by tabs."""
    lines = [
        f"# nest parameter set for {wanted.autopilot} {wanted.firmware}, sha256 {wanted.digest}",
        "# Vehicle-Id Component-Id Name Value Type",
    ]
    for row in wanted.rows:
        about = metadata[row.name]
        value = value_of(row, about, own_system_id)
        text = f"{value:.9f}" if about.kind == _REAL32 else f"{value:.0f}"
        lines.append(f"1\t1\t{row.name}\t{text}\t{about.kind}")
    return "\n".join(lines) + "\n"


Exporter = Callable[[ParameterSet, Mapping[str, Metadata], int], str]
EXPORTERS: Mapping[str, Exporter] = MappingProxyType({"ArduPilot": mission_planner, "PX4": qgroundcontrol})
"""The form for each autopilot."""
