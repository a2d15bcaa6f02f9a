"""The flight report says which parameter set the drone was held against."""

from types import SimpleNamespace
from typing import Any

import pytest

from agent.flight.preflight import CHECKS
from agent.vehicle.interface import ParameterDeviation
from firmware_config.schema import load_set

(CHECK,) = (check for check in CHECKS if check.code == "preflight.parameters")
WRONG = ParameterDeviation("FS_GCS_ENABLE", "1", 0.0, "Return home.")


@pytest.mark.parametrize("name", ["ardupilot/nest", "ardupilot/nest_finish", "px4/nest"])
@pytest.mark.parametrize(("deviations", "passed"), [((), True), ((WRONG,), False), (None, None)])
def test_the_check_names_the_set_and_its_digest(name: str, deviations: Any, passed: bool | None) -> None:
    config: Any = SimpleNamespace(vehicle=SimpleNamespace(parameter_set=name))
    facts: Any = SimpleNamespace(deviations=deviations)
    judged = CHECK.judge(facts, config)
    assert judged.passed is passed
    assert judged.limit == f"as in {name}, sha256 {load_set(name).digest[:12]}"
    assert passed is not False or judged.value == "FS_GCS_ENABLE is 0, must be 1"
