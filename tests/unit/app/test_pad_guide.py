"""Sights of the pad become fixes for the flight and for the autopilot, or are refused."""

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from agent.app.pad_guide import PadGuide
from agent.config.landing import LandingSection
from agent.core.bus import Bus
from agent.core.clock import Clock
from agent.domain.landing import PadCameraStatus, PadFix, PadSight
from agent.domain.telemetry import PoseSample
from tests.doubles.flight import run_virtual


@dataclass
class Child:
    watched: list[bool] = field(default_factory=list)

    def watch(self, on: bool) -> None:
        self.watched.append(on)


@dataclass
class Shown:
    fixes: list[PadFix] = field(default_factory=list)

    def show_pad(self, fix: PadFix) -> None:
        self.fixes.append(fix)


def pose(unix_s: float, *, roll: float = 0.0, yaw: float = 0.0, height_m: float = 5.0) -> PoseSample:
    return PoseSample(unix_s, 30.0, 119.0, 30.0 + height_m, height_m, (0.0, 0.0, 0.0), roll, 0.0, yaw, 5.0, -45.0, 80.0)


def sight(unix_s: float, *, down: float = 5.0, variance: float = 0.0025) -> PadSight:
    return PadSight(
        captured_unix_s=unix_s,
        forward_m=1.0,
        right_m=0.0,
        down_m=down,
        covariance_m2=(variance, 0.0, 0.0, variance, 0.0, variance),
        yaw_deg=20.0,
        markers=(45,),
        residual_px=0.2,
    )


def guided(feed: Callable[[Bus, PadGuide], None], *, on: bool = True) -> tuple[PadGuide, Shown, Child]:
    """A guide after it was fed."""

    async def main() -> tuple[PadGuide, Shown, Child]:
        bus, shown, child = Bus(), Shown(), Child()
        clock = Clock(computer_unix_s=lambda: 1000.5)
        guide = PadGuide(child, shown, bus, clock, LandingSection())  # type: ignore[arg-type]
        running = asyncio.create_task(guide.run())
        await asyncio.sleep(0.1)
        if on:
            guide.watch(True)
        feed(bus, guide)
        await asyncio.sleep(0.1)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        return guide, shown, child

    return run_virtual(main())


def fly(bus: Bus, **more: float) -> None:
    for tenth in range(5):
        bus.publish(pose(1000.0 + tenth / 10, **more))


def test_a_sight_is_turned_by_the_drones_attitude_at_its_capture_and_not_the_gimbals():
    def feed(bus: Bus, _: PadGuide) -> None:
        fly(bus, yaw=90.0)
        bus.publish(sight(1000.25))

    guide, shown, _ = guided(feed)
    assert guide.view is not None
    fix = guide.view.fix
    assert (fix.north_m, fix.east_m, fix.down_m) == pytest.approx((0.0, 1.0, 5.0), abs=1e-9)
    assert fix.heading_deg == pytest.approx(110.0)
    assert fix.sigma_m == pytest.approx(0.05)
    assert shown.fixes == [fix]
    # The guide looked 0.1 s after its start, by its clock 0.25 s after the picture.
    assert guide.view.at_s == pytest.approx(0.1 - 0.25, abs=0.02)


def test_the_attitude_between_two_samples_counts():
    def feed(bus: Bus, _: PadGuide) -> None:
        bus.publish(pose(1000.0, roll=0.0))
        bus.publish(pose(1000.1, roll=10.0))
        bus.publish(sight(1000.05))

    _, shown, _ = guided(feed)
    assert shown.fixes[0].east_m == pytest.approx(-5.0 * math.sin(math.radians(5.0)), abs=1e-3)


@pytest.mark.parametrize(
    ("down", "variance", "code"),
    [
        (5.0, 0.4, "landing.sight_vague"),
        (12.0, 0.0025, "landing.sight_implausible"),
        (0.1, 0.0025, "landing.sight_implausible"),
    ],
)
def test_a_sight_that_is_vague_or_of_another_print_is_not_shown(down, variance, code):
    def feed(bus: Bus, _: PadGuide) -> None:
        fly(bus)
        bus.publish(sight(1000.2, down=down, variance=variance))

    guide, shown, _ = guided(feed)
    assert shown.fixes == []
    assert guide.view is None
    assert guide.refused is not None
    assert guide.refused.code == code


def test_a_sight_without_a_pose_or_unasked_for_is_not_shown():
    def late(bus: Bus, _: PadGuide) -> None:
        fly(bus)
        bus.publish(sight(1002.0))

    def unasked(bus: Bus, _: PadGuide) -> None:
        fly(bus)
        bus.publish(sight(1000.2))

    assert guided(late)[1].fixes == []
    assert guided(unasked, on=False)[1].fixes == []


def test_a_frozen_picture_is_not_believed():
    def feed(bus: Bus, _: PadGuide) -> None:
        fly(bus)
        bus.publish(PadCameraStatus(at=datetime.now(UTC), frames=9, health=("landing.frozen",)))
        bus.publish(sight(1000.2))

    guide, shown, _ = guided(feed)
    assert shown.fixes == []
    assert guide.health == ("landing.frozen",)


def test_a_camera_that_is_tried_out_looks_but_shows_the_autopilot_nothing():
    def feed(bus: Bus, guide: PadGuide) -> None:
        guide.try_out(on=True)
        fly(bus)
        bus.publish(sight(1000.2))
        bus.publish(PadCameraStatus(at=datetime.now(UTC), frames=9, looked_s=5.0))

    guide, shown, child = guided(feed, on=False)
    assert (shown.fixes, child.watched, guide.looked_s) == ([], [True], 5.0)
    guide.try_out(on=False)
    assert (child.watched, guide.looked_s) == ([True, False], 0.0)


def test_the_child_is_told_once_and_an_old_view_is_forgotten():
    def feed(bus: Bus, guide: PadGuide) -> None:
        guide.watch(True)
        guide.watch(False)

    guide, _, child = guided(feed)
    assert child.watched == [True, False]
    assert guide.view is None
