"""What a parameter set is, and how one is read. The sets are YAML files in the folders beside this file.

A set has the rows that must be right before each flight, and parts with the rows that make the aircraft a nest's. It may name a
base of which it is a variant. What the firmware itself
says about a parameter is in the folder's ``metadata.yaml``.
"""

import hashlib
import json
from functools import cache, cached_property
from importlib.resources import files
from typing import Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, model_validator


class Metadata(BaseModel):
    """What the firmware says about a parameter.

    Attributes:
        kind: MAV_PARAM_TYPE.
        default: its value in a fresh firmware; None where that depends on the board.
        min: the least value that makes sense.
        max: the largest.
        values: the values that have a meaning, where it is a choice.
        bits: the bits that have a meaning, where it is a mask.
        unit: of the value.
        reboot: whether a change takes effect at the next start only.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: int
    default: float | None = None
    min: float | None = None
    max: float | None = None
    values: tuple[float, ...] = ()
    bits: tuple[int, ...] = ()
    unit: str = ""
    reboot: bool = False


class ParameterRow(BaseModel):
    """One parameter that must be right.

    Attributes:
        name: the autopilot's name of it.
        value: the only right value.
        min: the least right value.
        max: the largest right value.
        own_system_id: the right value is the nest's own MAVLink system id.
        unit: the autopilot's unit of the value; empty for a choice or a bit mask.
        reason: why it must be so, for the operator.
        source: where the meaning is documented.
        since: the first firmware that has it, such as 4.6.
        optional: not every board or build has it; where it is missing nothing is wrong.
        restart: it takes effect at the next start though the metadata does not say so.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    value: float | None = None
    min: float | None = None
    max: float | None = None
    own_system_id: bool = False
    unit: str = ""
    reason: str
    source: str
    since: str = ""
    optional: bool = False
    restart: bool = False

    @model_validator(mode="after")
    def _one_demand(self) -> Self:
        demands = [self.value is not None, self.min is not None or self.max is not None, self.own_system_id]
        if sum(demands) != 1:
            raise ValueError(f"{self.name}: give value, or min and max, or own_system_id")
        return self

    def limits(self, own_system_id: int) -> tuple[float, float]:
        """Least and largest right value."""
        if self.own_system_id:
            return float(own_system_id), float(own_system_id)
        if self.value is not None:
            return self.value, self.value
        return (float("-inf") if self.min is None else self.min), (float("inf") if self.max is None else self.max)

    def nearest(self, value: float, own_system_id: int) -> float:
        """The right value that is nearest to this one."""
        least, most = self.limits(own_system_id)
        return min(max(value, least), most)

    def holds_for(self, firmware: str | None) -> bool:
        """Whether a firmware is new enough to have the parameter; an unknown firmware is."""
        return not firmware or _version(firmware) >= _version(self.since)


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdigit())


class ParameterSet(BaseModel):
    """All parameters of one set.

    Attributes:
        autopilot: ArduPilot or PX4.
        firmware: versions that it is for.
        on_link_loss: what they make it do in a mission.
        parameters: must be right before each flight.
        parts: names of the files with the other rows.
        further: the rows of the parts.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    autopilot: str
    firmware: str
    on_link_loss: Literal["finish", "return"] = "return"
    parameters: tuple[ParameterRow, ...]
    parts: tuple[str, ...] = ()
    further: tuple[ParameterRow, ...] = ()

    @model_validator(mode="after")
    def _once(self) -> Self:
        names = [row.name for row in self.rows]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"{', '.join(twice)}: more than one row")
        return self

    @property
    def rows(self) -> tuple[ParameterRow, ...]:
        """All rows, those of each flight first."""
        return (*self.parameters, *self.further)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of what is demanded; two sets that demand the same have the same."""
        demands = sorted((r.name, r.value, r.min, r.max, r.own_system_id, r.since, r.optional) for r in self.rows)
        return hashlib.sha256(json.dumps(demands).encode()).hexdigest()


@cache
def load_set(name: str) -> ParameterSet:
    """The set ``FOLDER/NAME`` with its parts, e.g. ``ardupilot/nest``.

    Raises:
        FileNotFoundError: there is no such set.
        pydantic.ValidationError: the file is wrong; a test keeps the shipped ones right.
    """
    folder, _, stem = name.partition("/")
    file = files("firmware_config").joinpath(folder).joinpath(f"{stem}.yaml")
    if not (folder.isidentifier() and stem.isidentifier() and stem != "metadata" and file.is_file()):
        raise FileNotFoundError(f"firmware_config has no set {name!r}")
    content = _with_base(folder, _read(folder, f"{stem}.yaml"))
    further = [row for part in content.get("parts", ()) for row in _read(folder, "parts", f"{part}.yaml")["parameters"]]
    return ParameterSet.model_validate({**content, "further": further})


def _with_base(folder: str, content: dict[str, Any]) -> dict[str, Any]:
    """The set as written; where it names a base, that one's with its own keys and rows in place of the base's."""
    name = content.pop("base", None)
    if name is None:
        return content
    base = _read(folder, f"{name}.yaml")
    own = {row["name"]: row for row in content["parameters"]}
    rows = [own.pop(row["name"], row) for row in base["parameters"]]
    return {**base, **content, "parameters": [*rows, *own.values()]}


@cache
def load_metadata(name: str) -> dict[str, Metadata]:
    """What the firmware of the set ``FOLDER/NAME`` says about its parameters, by name.

    Raises:
        pydantic.ValidationError: the file is wrong; a test keeps the shipped ones right.
    """
    folder, _, _ = name.partition("/")
    return {key: Metadata.model_validate(value) for key, value in _read(folder, "metadata.yaml")["parameters"].items()}


def _read(*path: str) -> Any:  # noqa: ANN401 what YAML gives
    file = files("firmware_config")
    for part in path:
        file = file.joinpath(part)
    return yaml.safe_load(file.read_text(encoding="utf-8"))
