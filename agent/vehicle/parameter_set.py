"""Compares the autopilot's parameters with the set that the configuration names."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from agent.core.errors import ConfigError
from agent.vehicle.driver import Driver
from agent.vehicle.interface import ParameterDeviation
from firmware_config.schema import ParameterRow, ParameterSet, load_set

_TOLERANCE = 1e-4  # of float32 on the wire, relative


@dataclass(frozen=True, slots=True)
class Comparison:
    """One row of the set beside what the autopilot has; actual is None where it does not know the name."""

    row: ParameterRow
    actual: float | None
    wrong: ParameterDeviation | None


def read_set(name: str) -> ParameterSet:
    """The set of that name.

    Raises:
        ConfigError: there is none.
    """
    try:
        return load_set(name)
    except FileNotFoundError as error:
        raise ConfigError("config.invalid", f"vehicle.parameter_set: {error}") from error


def wanted_words(row: ParameterRow, own_system_id: int) -> str:
    """What is right, in words with its unit."""
    least, most = row.limits(own_system_id)
    unit = f" {row.unit}" if row.unit else ""
    if least == most:
        return f"{least:g}{unit}"
    if most == math.inf:
        return f"at least {least:g}{unit}"
    return f"at most {most:g}{unit}" if least == -math.inf else f"{least:g} .. {most:g}{unit}"


def deviation(row: ParameterRow, actual: float | None, own_system_id: int) -> ParameterDeviation | None:
    """What is wrong with a parameter; None if it is right."""
    least, most = row.limits(own_system_id)
    slack = _TOLERANCE * max(1.0, abs(actual or 0.0))
    if (actual is None and row.optional) or (actual is not None and least - slack <= actual <= most + slack):
        return None
    return ParameterDeviation(row.name, wanted_words(row, own_system_id), actual, row.reason)


def other_autopilot(driver: Driver, wanted: ParameterSet) -> ParameterDeviation | None:
    """What is wrong where the set is for another autopilot than the one that is heard."""
    if wanted.autopilot == driver.traits.name:
        return None
    reason = f"the configured set is for {wanted.autopilot}, the drone runs {driver.traits.name}"
    return ParameterDeviation("vehicle.parameter_set", wanted.autopilot, None, reason)


async def compare_rows(
    driver: Driver, rows: Iterable[ParameterRow], own_system_id: int, firmware: str | None
) -> list[Comparison]:
    """Reads the parameters of these rows, as far as the firmware has them, and judges each."""
    held = [row for row in rows if row.holds_for(firmware)]
    actual = await driver.parameters.get_many([row.name for row in held])
    return [Comparison(row, actual[row.name], deviation(row, actual[row.name], own_system_id)) for row in held]


async def verify(
    driver: Driver, wanted: ParameterSet, own_system_id: int, firmware: str | None
) -> Sequence[ParameterDeviation]:
    """What is not right of what must be right before each flight."""
    other = other_autopilot(driver, wanted)
    if other is not None:
        return [other]
    compared = await compare_rows(driver, wanted.parameters, own_system_id, firmware)
    return [one.wrong for one in compared if one.wrong is not None]
