"""Compares the autopilot's parameters with the set that the configuration names, and applies it."""

from collections.abc import Sequence

from agent.core.errors import ConfigError
from agent.core.outcome import Refused
from agent.vehicle.driver import Driver
from agent.vehicle.interface import ParameterDeviation
from firmware_config.schema import ParameterRow, ParameterSet, load_set

_TOLERANCE = 1e-4  # of float32 on the wire, relative


def read_set(name: str) -> ParameterSet:
    """The set of that name.

    Raises:
        ConfigError: there is none.
    """
    try:
        return load_set(name)
    except FileNotFoundError as error:
        raise ConfigError("config.invalid", f"vehicle.parameter_set: {error}") from error


def deviation(row: ParameterRow, actual: float | None, own_system_id: int) -> ParameterDeviation | None:
    """What is wrong with a parameter; None if it is right."""
    least, most = row.limits(own_system_id)
    slack = _TOLERANCE * max(1.0, abs(actual or 0.0))
    if actual is not None and least - slack <= actual <= most + slack:
        return None
    unit = f" {row.unit}" if row.unit else ""
    expected = f"{least:g}{unit}" if least == most else f"{least:g} .. {most:g}{unit}"
    return ParameterDeviation(row.name, expected, actual, row.reason)


async def verify(driver: Driver, wanted: ParameterSet, own_system_id: int) -> Sequence[ParameterDeviation]:
    """The parameters that are not right."""
    if wanted.autopilot != driver.traits.name:
        reason = f"the configured set is for {wanted.autopilot}, the drone runs {driver.traits.name}"
        return [ParameterDeviation("vehicle.parameter_set", wanted.autopilot, None, reason)]
    actual = await driver.parameters.get_many([row.name for row in wanted.parameters])
    judged = (deviation(row, actual[row.name], own_system_id) for row in wanted.parameters)
    return [wrong for wrong in judged if wrong is not None]


async def apply(driver: Driver, wanted: ParameterSet, own_system_id: int) -> Sequence[ParameterDeviation]:
    """Sets what is wrong to its nearest right value; returns what is wrong even so."""
    rows = {row.name: row for row in wanted.parameters}
    for wrong in await verify(driver, wanted, own_system_id):
        row = rows.get(wrong.name)
        if row is None or wrong.actual is None:
            continue
        least, most = row.limits(own_system_id)
        outcome = await driver.parameters.set(row.name, min(max(wrong.actual, least), most))
        if isinstance(outcome, Refused):
            break
    return await verify(driver, wanted, own_system_id)
