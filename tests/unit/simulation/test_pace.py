import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.runner.pace import pace, slowed


@given(st.floats(0.1, 50), st.floats(0, 100))
def test_a_run_is_never_sped_up_and_never_slower_than_the_floor(wanted, busy):
    got = slowed(wanted, busy)
    assert got <= wanted
    assert got >= min(wanted, 1.5)


def test_a_free_computer_keeps_the_wanted_speed_and_a_busy_one_does_not():
    assert slowed(6.0, 0.5) == 6.0
    assert slowed(6.0, 2.0) == pytest.approx(3.0)
    assert 0 < pace(6.0) <= 6.0
