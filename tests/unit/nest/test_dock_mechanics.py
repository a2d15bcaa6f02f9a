"""The simulated box: what collides, what charges, what the truth log says."""

import pytest

from agent.core.geo import LatLon, LocalFrame
from simulator.nest.drone import DroneTruth, OverPad, Pad, over_pad
from simulator.nest.faults import Fault
from simulator.nest.mechanics import CHARGE_FULL_A, TRICKLE_A, Mechanics

STANDING = OverPad(sideways_m=0.1, above_m=0.0, landed=True, armed=False)


@pytest.fixture
def events():
    return []


@pytest.fixture
def box(events):
    made = Mechanics(lambda event, details: events.append((event, details.get("kind", details.get("value")))))
    made.drone, made.battery = STANDING, 0.5
    return made


def run(box: Mechanics, span_s: float) -> None:
    for _ in range(round(span_s / 0.05)):
        box.step(0.05)


def harm(events):
    return [(event, kind) for event, kind in events if event in {"COLLISION", "VIOLATION"}]


def opened(box: Mechanics) -> Mechanics:
    box.lid.position, box.clamps.position, box.charger.position = 1.0, 0.0, 0.0
    return box


def test_a_proper_flight_harms_nothing(box, events):
    opened(box)
    for above_m, landed, armed in (
        (0.0, True, True),
        (0.5, False, True),
        (2.0, False, True),
        (50.0, False, True),
        (0.0, True, False),
    ):
        box.drone = OverPad(0.2, above_m, landed, armed)
        run(box, 1.0)
    box.clamps.drive = +1
    run(box, 5.0)
    box.lid.drive = -1
    run(box, 16.0)
    assert box.lid.home
    assert harm(events) == []


@pytest.mark.parametrize(
    ("lid", "clamps", "lid_drive", "drone", "expected"),
    [
        (1.0, 0.0, -1, OverPad(0.3, 1.0, landed=False, armed=False), ("COLLISION", "lid_moved_on_flying_drone")),
        (1.0, 0.0, -1, OverPad(0.9, 0.0, landed=True, armed=False), ("COLLISION", "lid_moved_on_drone_sticking_out")),
        (0.5, 0.0, 0, OverPad(0.2, 0.8, landed=False, armed=False), ("COLLISION", "flew_through_lid")),
        (1.0, 1.0, 0, OverPad(0.2, 0.8, landed=False, armed=False), ("COLLISION", "flew_in_engaged_clamps")),
        (0.0, 0.0, 0, OverPad(0.2, 0.0, landed=True, armed=True), ("VIOLATION", "armed_under_lid")),
        (1.0, 1.0, 0, OverPad(0.2, 0.0, landed=True, armed=True), ("VIOLATION", "armed_in_clamps")),
        (1.0, 0.0, -1, OverPad(0.2, 0.0, landed=True, armed=True), ("VIOLATION", "lid_moved_on_armed_drone")),
    ],
)
def test_each_way_to_do_harm_is_told_once(box, events, lid, clamps, lid_drive, drone, expected):
    box.lid.position, box.clamps.position, box.charger.position = lid, clamps, 0.0
    box.lid.drive = lid_drive
    box.drone = drone
    run(box, 1.0)
    assert harm(events).count(expected) == 1


def test_harm_that_happens_again_is_told_again(box, events):
    opened(box).clamps.position = 1.0
    for above_m, landed in ((1.0, False), (0.0, True), (1.0, False)):
        box.drone = OverPad(0.2, above_m, landed, armed=False)
        run(box, 0.5)
    assert harm(events).count(("COLLISION", "flew_in_engaged_clamps")) == 2


def test_a_drone_far_above_the_pad_is_nobodys_business(box, events):
    box.drone = OverPad(0.2, 30.0, landed=False, armed=True)
    box.lid.drive = +1
    run(box, 16.0)
    assert harm(events) == []


def test_the_current_falls_to_a_trickle_as_the_battery_fills(box):
    currents = []
    for charge in (0.2, 0.8, 0.9, 0.97, 1.0):
        box.battery = charge
        run(box, 0.1)
        currents.append(box.charging_a)
    assert currents[0] == currents[1] == CHARGE_FULL_A
    assert currents == sorted(currents, reverse=True)
    assert currents[-1] == TRICKLE_A


@pytest.mark.parametrize("fault", [Fault.CHARGER_CONTACT, Fault.POWER_CUT])
def test_no_current_without_contact_or_mains(box, fault):
    run(box, 0.1)
    assert box.charging_a > 0.0
    box.faults.change(fault, active=True)
    run(box, 0.1)
    assert box.charging_a == 0.0


@pytest.mark.parametrize("change", ["clamps", "charger", "drone"])
def test_no_current_unless_drone_clamps_and_charger_are_in_place(box, change):
    if change == "drone":
        box.drone = OverPad(400.0, 0.0, landed=True, armed=False)
    else:
        getattr(box, change).position = 0.9
    run(box, 0.1)
    assert box.charging_a == 0.0


def test_the_ups_lasts_about_an_hour_and_then_nothing_moves(box):
    box.faults.change("power_cut", active=True)
    run(box, 30 * 60)
    assert box.ups_charge == pytest.approx(0.5, abs=0.02)
    run(box, 31 * 60)
    assert not box.has_power
    box.lid.drive = +1
    run(box, 5.0)
    assert box.lid.home


def test_a_half_open_lid_opens_to_the_middle_and_closes(box):
    box.faults.change("lid_half_open", active=True)
    box.lid.drive = +1
    run(box, 20.0)
    assert box.lid.position == pytest.approx(0.5)
    box.lid.drive = -1
    run(box, 20.0)
    assert box.lid.home


def test_the_drone_is_on_the_pad_within_half_a_metre():
    pad = Pad(LatLon(30.39, 119.84), 35.0)
    frame = LocalFrame(pad.place)
    for north_m, exact, on_pad in ((0.4, True, True), (0.6, True, False), (1.8, False, True), (2.2, False, False)):
        truth = DroneTruth(frame.to_latlon(north_m, 0.0), 35.1, landed=True, armed=False, exact=exact)
        assert over_pad(truth, pad).on_pad is on_pad, north_m
    assert not over_pad(DroneTruth(pad.place, 35.1, landed=False, armed=True), pad).on_pad
    assert not over_pad(DroneTruth(pad.place, 95.0, landed=True, armed=False), pad).on_pad  # on a roof above it
