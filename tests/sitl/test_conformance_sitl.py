"""Every behaviour that the agent relies on is the same on the built-in vehicle and on real autopilots that are named."""

import pytest

from simulator.conformance.run import conform
from simulator.sitl.binary import Backend
from tests.sitl.conftest import RATES, kinds


@pytest.mark.timeout(240)
@pytest.mark.parametrize("backend", kinds())
def test_nothing_differs_from_what_was_measured_on_real_autopilots(backend: Backend, tmp_path) -> None:
    answers = conform(backend, None, tmp_path, RATES[backend])
    assert len(answers) > 30
    assert [f"{row.words}: {row.answer} instead of {row.expected}" for row in answers if not row.same] == []
