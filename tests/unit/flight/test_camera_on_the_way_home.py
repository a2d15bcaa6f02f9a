"""The camera keeps looking at the ground on the way home, and is given back when the drone is down."""

from dataclasses import dataclass, replace

from agent.core.errors import LinkError
from agent.core.outcome import Outcome, Refused
from agent.domain.camera import GimbalControl
from agent.domain.telemetry import FlightMode, Telemetry
from agent.flight.table import State
from tests.doubles.flight import Drone, loop_s, run_virtual
from tests.doubles.flown import ended


@dataclass
class Steered(Drone):
    """Has a gimbal with a manager; ``answer`` is what it says, ``deaf`` how often it accepts and does nothing."""

    answer: Outcome | None = None
    deaf: int = 0
    asked: int = 0

    def _telemetry(self) -> Telemetry:
        return replace(super()._telemetry(), gimbal_control=GimbalControl(loop_s(), 0, 0))

    async def look_ahead(self, pitch_deg: float) -> Outcome:
        outcome = await super().look_ahead(pitch_deg)
        assert self.mode is FlightMode.RETURN
        self.asked += 1
        if self.asked > self.deaf and self.answer is None:
            self.looks_deg = pitch_deg
        return self.answer or outcome


def flown(make_nest, drone: Drone):
    nest = make_nest()
    nest.drone = nest.dock.drone = nest.ctx.vehicle = drone
    run_virtual(nest.run(ended))
    return nest


def test_on_the_way_home_it_looks_as_the_route_had_it_last(make_nest):
    nest = flown(make_nest, Steered(looks_deg=0.0))
    pitch = nest.ctx.routes["loop"].points[-1].camera_pitch_deg
    assert [order for order in nest.drone.orders if order.startswith("look")] == [f"look_ahead {pitch:g}"]
    assert nest.drone.orders.index(f"look_ahead {pitch:g}") > nest.drone.orders.index("return_home")
    assert nest.drone.orders[-1] == "release_camera"
    assert not nest.drone.armed


def test_a_gimbal_that_is_turned_away_again_is_asked_again_and_a_deaf_one_let_alone(make_nest):
    assert flown(make_nest, Steered(looks_deg=0.0, deaf=2)).drone.asked == 3
    assert flown(make_nest, Steered(looks_deg=0.0, deaf=99)).drone.asked == 5


def test_a_gimbal_that_still_looks_there_is_not_asked(make_nest):
    assert flown(make_nest, Steered(looks_deg=-45.0)).drone.asked == 0


def test_a_drone_without_a_gimbal_is_told_nothing(make_nest):
    nest = flown(make_nest, Drone())
    assert not [order for order in nest.drone.orders if "look" in order or "camera" in order]


def test_somebody_elses_gimbal_is_left_to_them_and_the_flight_comes_home(make_nest):
    nest = flown(make_nest, Steered(looks_deg=0.0, answer=Refused("gimbal.taken", "system 99 steers it")))
    assert nest.states[-1] is State.IDLE
    assert "gimbal.taken" in {reason.code for reason in nest.reports.reports[-1].reasons}


def test_a_link_that_breaks_at_that_moment_is_the_failsafes_affair(make_nest):
    class Breaks(Steered):
        async def look_ahead(self, pitch_deg: float) -> Outcome:
            self.orders.append(f"look_ahead {pitch_deg:g}")
            raise LinkError("vehicle.lost", "not heard")

    nest = flown(make_nest, Breaks(looks_deg=0.0))
    assert "look_ahead -45" in nest.drone.orders
    assert nest.states[-1] is State.IDLE
    assert State.LOST not in nest.states
