"""Coverage in a flight: what a camera reports, forgets or cannot do, and what the report then says has to be flown again."""

from dataclasses import replace

import pytest

from agent.core.geo import LatLon
from agent.core.outcome import Refused
from agent.domain.camera import Camera, Capture, CaptureResult
from agent.domain.mission import ItemKind
from agent.domain.telemetry import Gimbal, Telemetry
from agent.flight.table import State
from tests.doubles.flight import ROUTE, Drone, loop_s, run_virtual

TAKEN, TRIGGERED, FAILED = CaptureResult


class Photographer(Drone):
    """Reports a picture at each capture item; a test takes some away. Its gimbal looks where it is told, unless stuck."""

    def __init__(self, results=(TAKEN, TAKEN, TAKEN), *, known=True, late_s=0.0, stuck_deg=None, **drone):
        super().__init__(**drone)
        self.results, self.known, self.late_s, self.stuck_deg = list(results), known, late_s, stuck_deg
        self.reports: list[tuple[float, Capture]] = []
        self.pitch_deg = 0.0
        self.confirms = TRIGGERED not in self.results

    def _mission(self, dt):
        item = self.plan.items[self.item]
        if item.kind is ItemKind.POINT_CAMERA:
            self.pitch_deg = item.camera_pitch_deg if self.stuck_deg is None else self.stuck_deg
        if item.kind is ItemKind.CAPTURE:
            self._shoot()
        super()._mission(dt)

    def _shoot(self):
        result = self.results.pop(0) if self.results else None
        if result is not None:
            camera = "shutter 0" if result is TRIGGERED else "100.0"
            place = LatLon(*self.telemetry.position.place)
            index = len(self.reports) + 1
            self.reports.append((loop_s() + self.late_s, Capture(camera, 0, index, loop_s(), place, result)))

    def _telemetry(self) -> Telemetry:
        now = loop_s()
        return replace(
            super()._telemetry(),
            camera=Camera(now, "", takes_pictures=True, confirms=self.confirms) if self.known else None,
            captures=tuple(capture for due_s, capture in self.reports if due_s <= now),
            gimbal=Gimbal(now, 0, 0.0, self.pitch_deg, 0.0),
        )


def flown(make_nest, drone):
    nest = make_nest()
    nest.drone = nest.dock.drone = nest.ctx.vehicle = drone
    run_virtual(nest.run(lambda n: n.director.state is State.IDLE and bool(n.dock.moves)))
    return nest.reports.reports[-1]


def evidence(report):
    return [point.evidence for point in report.points]


def test_each_point_that_the_camera_reported_is_imaged_and_nothing_is_missed(make_nest):
    report = flown(make_nest, Photographer())
    assert (evidence(report), report.missed) == (["captured"] * 3, ())
    assert [(point.imaged, point.pictures) for point in report.points] == [(True, 1)] * 3


def test_the_last_points_report_may_come_on_the_way_home(make_nest):
    assert evidence(flown(make_nest, Photographer(late_s=4.0))) == ["captured"] * 3


@pytest.mark.parametrize(("result", "code"), [(None, "coverage.no_picture"), (FAILED, "coverage.capture_failed")])
def test_a_point_without_its_picture_is_listed_to_be_flown_again(make_nest, result, code):
    report = flown(make_nest, Photographer(results=(TAKEN, result, TAKEN)))
    assert [point.imaged for point in report.points] == [True, False, True]
    assert [(missed.id, missed.code) for missed in report.missed] == [("P2", code)]
    assert report.missed[0].words
    assert report.outcome == "completed"


def test_released_shutters_count_where_the_camera_says_no_more(make_nest):
    assert evidence(flown(make_nest, Photographer(results=[TRIGGERED] * 3))) == ["triggered"] * 3


def test_without_a_camera_that_reports_the_video_is_the_evidence(make_nest):
    assert evidence(flown(make_nest, Photographer(results=(), known=False))) == ["video"] * 3


def test_a_flight_cut_short_lists_the_points_it_did_not_reach(make_nest):
    drone = Photographer(charge=0.45, drain_per_s=0.004)
    nest = make_nest(flight={"battery_start_min": 0.4})
    nest.drone = nest.dock.drone = nest.ctx.vehicle = drone
    run_virtual(nest.run(lambda n: n.director.state is State.IDLE and bool(n.dock.moves)))
    report = nest.reports.reports[-1]
    reached = {point.id for point in report.points}
    assert report.outcome == "cut_short"
    assert [(m.id, m.code) for m in report.missed] == [
        (point.id, "coverage.not_reached") for point in ROUTE.points if point.id not in reached
    ]
    assert report.missed


def test_a_flight_that_was_refused_missed_nothing(make_nest):
    report = flown(make_nest, Photographer(launch_outcome=Refused("vehicle.arm_denied", "Arm: no")))
    assert (report.outcome, report.missed) == ("refused", ())


def test_a_stuck_gimbal_is_told_and_its_pictures_prove_nothing(make_nest):
    report = flown(make_nest, Photographer(stuck_deg=-5.0))
    assert [missed.code for missed in report.missed] == ["coverage.camera_elsewhere"] * 3
    assert [reason.words for reason in report.reasons if reason.code == "gimbal.off"] == [
        "The gimbal does not look where it is told to. told -45 deg, looks -5 deg"
    ]


def test_a_gimbal_that_obeys_is_not_told(make_nest):
    assert [r.code for r in flown(make_nest, Photographer()).reasons if r.code.startswith("gimbal")] == []
