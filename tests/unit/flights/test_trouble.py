"""Every fault can be made on every vehicle, and what must hold at the end follows from the trouble."""

from itertools import product

import pytest

from simulator.demo.verdict import Item
from simulator.flights.run import _ITEMS, _missing
from simulator.flights.trouble import FAULTS, Ending, Fault, Trouble
from simulator.sitl.binary import Backend


@pytest.mark.parametrize(("fault", "backend"), list(product(Fault, Backend)))
def test_every_fault_can_be_made_on_every_vehicle(fault, backend):
    assert FAULTS[fault, backend]


@pytest.mark.parametrize(
    ("trouble", "ending"),
    [
        (Trouble(), Ending.WHOLE_JOB),
        (Trouble(kill_agent=True), Ending.IN_THE_NEST),
        (Trouble(cut_s=20.0), Ending.IN_THE_NEST),
        (Trouble(cut_s=float("inf")), Ending.ON_THE_PAD),
        (Trouble(fault=Fault.BATTERY), Ending.IN_THE_NEST),
        (Trouble(fault=Fault.WIND), Ending.IN_THE_NEST),
        (Trouble(fault=Fault.GPS, kill_agent=True), Ending.DOWN),
    ],
)
def test_what_must_hold(trouble, ending):
    assert trouble.ending is ending
    assert ending in _ITEMS


ALL_FAIL = [
    Item("the flight was flown", passed=False, words="returned"),
    Item("lid closed on a charging drone", passed=False, words="lid not closed"),
    Item("fire alert at the right place", passed=False, words="none"),
    Item("each alert message once", passed=False, words="1 heard twice"),
]


@pytest.mark.parametrize(
    ("ending", "count"), [(Ending.WHOLE_JOB, 4), (Ending.IN_THE_NEST, 2), (Ending.ON_THE_PAD, 1), (Ending.DOWN, 1)]
)
def test_each_ending_counts_its_items(ending, count):
    assert len(_missing(ending, ALL_FAIL, 0.1)) == count


def test_a_drone_beside_the_pad_is_missing_unless_it_may_be_anywhere():
    assert _missing(Ending.ON_THE_PAD, [], 3.0) == ["the drone stands 3.0 m off the pad"]
    assert _missing(Ending.ON_THE_PAD, [], None) == ["where the drone stands is not known"]
    assert _missing(Ending.DOWN, [], 300.0) == []
