"""What a parameter set is, and how one is read. The sets are YAML files in the folders beside this file."""

from functools import cache
from importlib.resources import files
from typing import Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, model_validator


class ParameterRow(BaseModel):
    """One parameter that must be right before a flight.

    Attributes:
        name: the autopilot's name of it.
        value: the only right value.
        min: the least right value.
        max: the largest right value.
        own_system_id: the right value is the nest's own MAVLink system id.
        unit: the autopilot's unit of the value; empty for a choice or a bit mask.
        reason: why it must be so, for the operator.
        source: where the meaning is documented.
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


class ParameterSet(BaseModel):
    """All parameters of one set. autopilot is ArduPilot or PX4; on_link_loss is what they make it do in a mission."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    autopilot: str
    firmware: str
    on_link_loss: Literal["finish", "return"] = "return"
    parameters: tuple[ParameterRow, ...]


@cache
def load_set(name: str) -> ParameterSet:
    """The set ``FOLDER/NAME``, e.g. ``ardupilot/nest``.

    Raises:
        FileNotFoundError: there is no such set.
        pydantic.ValidationError: the file is wrong; a test keeps the shipped ones right.
    """
    folder, _, stem = name.partition("/")
    file = files("firmware_config").joinpath(folder).joinpath(f"{stem}.yaml")
    if not (folder.isidentifier() and stem.isidentifier() and file.is_file()):
        raise FileNotFoundError(f"firmware_config has no set {name!r}")
    return ParameterSet.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
