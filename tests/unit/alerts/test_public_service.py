"""The public notice on a real store: what happened, days before, and what is published of it."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.alerts.incident import SightingContext
from agent.alerts.lifecycle import AlertEvent
from agent.alerts.public.facts import hectares_seen
from agent.alerts.public.service import PublicService
from agent.config.public import PublicSection
from agent.core.bus import Bus
from agent.core.geo import LatLon, destination
from agent.domain.hazard import Hazard
from agent.domain.route import InspectionPoint, Route
from agent.domain.status import FlightReport, PointResult
from agent.domain.topics import Topics
from tests.doubles.hub import HERE, HandClock, picture, sighting
from tests.unit.alerts.conftest import Desk, Opening

_NOTHING = SightingContext()
CONFIG = PublicSection(fewer_than=1, delay_s=86_400.0)


def _route(metres_apart: float, height_m: float = 50.0) -> Route:
    places: list[LatLon] = [destination(HERE, 90.0, metres_apart * n) if n else HERE for n in range(3)]
    points = tuple(InspectionPoint(f"p{n}", place, height_m) for n, place in enumerate(places))
    return Route("r1", "Ridge", "fire", 8.0, points)


def _report(clock: HandClock, flight: str = "F1", imaged: int = 3, ended: bool = True) -> FlightReport:
    return FlightReport(
        flight=flight,
        route="r1",
        state="idle",
        outcome="completed",
        started_at=clock.now - timedelta(minutes=10),
        ended_at=clock.now if ended else None,
        points_total=3,
        points_seen=3,
        points=tuple(PointResult(id=f"p{n}", imaged=n < imaged) for n in range(3)),
    )


def _service(desk: Desk, time: HandClock, routes: dict[str, Route] | None = None) -> PublicService:
    return PublicService(CONFIG, Topics("nest/v1", "n1"), desk.store, routes or {}, time.clock, simulated=True)


@asynccontextmanager
async def _counting(service: PublicService, bus: Bus) -> AsyncIterator[None]:
    task = asyncio.create_task(service._count(bus))
    await asyncio.sleep(0)
    yield
    task.cancel()


async def _notices(desk: Desk) -> list[Any]:
    return [json.loads(m.payload) for m in await desk.take() if m.topic == "nest/v1/public/n1"]


async def test_a_fire_is_told_when_the_delay_has_passed_and_only_coarsely(
    open_desk: Opening, time: HandClock, tmp_path: Path
) -> None:
    async with open_desk() as desk:
        told = await desk.service.on_sighting(sighting(evidence=(picture(tmp_path),)), _NOTHING)
        assert told is not None
        service = _service(desk, time)
        await service.tell(CONFIG)
        time.pass_s(86_400.0)  # the next noon: the delay has passed, but the day of the fire is not over that long
        await service.tell(CONFIG)
        (first,) = await _notices(desk)
        time.pass_s(86_400.0)
        await service.tell(CONFIG)
        (second,) = await _notices(desk)
    assert "incidents" not in first or first["incidents"] == []
    cell = {"lat": 30.35, "lon": 119.85, "size_deg": 0.1}
    assert second["incidents"] == [{"hazard": "fire", "day": "2026-11-23", "state": "reported", "cell": cell}]
    assert second["months"][0] == {"month": "2026-11", "complete": False, "incidents": 1}
    assert second["simulated"]
    text = json.dumps(second)
    assert not any(secret in text for secret in (told.alert, "30.39", "119.84,", "03:59", "04:00", "snapshot"))


async def test_a_person_and_a_false_alarm_are_never_told(open_desk: Opening, time: HandClock) -> None:
    async with open_desk() as desk:
        await desk.service.on_sighting(sighting("p", Hazard.PERSON), _NOTHING)
        burner = await desk.service.on_sighting(sighting("f", north_m=2000.0), _NOTHING)
        assert burner is not None
        await desk.service.on_action(burner.alert, AlertEvent.FALSE_ALARM, "anna", "a charcoal burner")
        time.pass_s(3 * 86_400.0)
        await _service(desk, time).tell(CONFIG)
        (told,) = await _notices(desk)
    assert told["incidents"] == []
    assert "incidents" not in told["months"][0]


async def test_the_same_notice_is_told_once_and_again_after_a_restart(open_desk: Opening, time: HandClock) -> None:
    async with open_desk() as desk:
        service = _service(desk, time)
        await service.tell(CONFIG)
        await service.tell(CONFIG)
        assert len(await _notices(desk)) == 1
        await _service(desk, time).tell(CONFIG)
        assert len(await _notices(desk)) == 1


async def test_flights_are_counted_once_with_the_ground_they_saw(open_desk: Opening, time: HandClock) -> None:
    bus, routes = Bus(), {"r1": _route(200.0)}
    async with open_desk() as desk:
        service = _service(desk, time, routes)
        async with _counting(service, bus):
            bus.publish(_report(time, "F1", ended=False))
            for flight in ("F1", "F1", "F2"):
                bus.publish(_report(time, flight))
            bus.publish(_report(time, "refused").model_copy(update={"points_seen": 0}))
            async with asyncio.timeout(5.0):
                while await desk.store.database.read(_flown) < 2:  # noqa: ASYNC110 a database wakes nobody
                    await asyncio.sleep(0.01)
        time.pass_s(2 * 86_400.0)
        await service.tell(CONFIG)
        (told,) = await _notices(desk)
    assert told["months"][0] == {"month": "2026-11", "complete": False, "flights": 2, "hectares": 0}


@pytest.mark.parametrize(
    ("metres_apart", "imaged", "circles"), [(200.0, 3, 3.0), (200.0, 1, 1.0), (200.0, 0, 0.0), (0.0, 3, 1.0)]
)
def test_ground_seen_counts_overlaps_once(metres_apart: float, imaged: int, circles: float) -> None:
    seen = hectares_seen(_report(HandClock(), imaged=imaged), _route(metres_apart))
    assert seen == pytest.approx(circles * 3.14159 * 50.0**2 / 10_000.0, rel=0.01)


def test_a_route_that_is_not_known_counts_no_ground() -> None:
    assert hectares_seen(_report(HandClock()), None) == 0.0


def _flown(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM flown").fetchone()[0])
