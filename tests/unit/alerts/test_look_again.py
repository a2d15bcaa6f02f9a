"""Another look at an alert: what is asked of the missions, and what the alert says when nothing was seen."""

from datetime import UTC, datetime, timedelta

import pytest

from agent.alerts.answers import answer
from agent.alerts.incident import SightingContext
from agent.alerts.lifecycle import AlertEvent
from agent.core.outcome import Refused
from agent.domain.alert import AlertAction, AlertWeather
from agent.domain.hazard import Hazard
from agent.domain.hub import ActionReceived, LookedAgain, RequestReceived
from agent.domain.request import FlightRequest, Priority
from tests.doubles.hub import HandClock, sighting
from tests.unit.alerts.conftest import Desk, Opening

WIND = AlertWeather(wind_m_s=3.0, wind_from_deg=250.0, temp_c=20.0, humidity=0.4)
REQUEST = "01M88RMCFSSA70TEPXV9YY2S1Q"


async def raised(desk: Desk, time: HandClock, **known: object) -> str:
    told = await desk.service.on_sighting(sighting(at=time.now, **known), SightingContext(weather=WIND))  # type: ignore[arg-type]
    assert told is not None
    await desk.take()
    return told.alert


async def asked(desk: Desk, alert: str, department: str = "forestry", **more: object) -> RequestReceived:
    action = AlertAction.model_validate({"alert": alert, "action": "look_again", "by": "Anna Li", **more})
    received = ActionReceived(department, action, b"{}", b"signed", "signature")
    outcome = await answer(desk.service, received)
    assert isinstance(outcome, RequestReceived)
    assert (outcome.department, outcome.alert, outcome.data) == (department, alert, b"{}")
    assert (outcome.signed, outcome.signature) == (b"signed", "signature"), "it is checked like any other request"
    return outcome


async def test_a_known_place_is_looked_at_from_upwind(open_desk: Opening, time: HandClock) -> None:
    async with open_desk() as desk:
        alert = await raised(desk, time)
        wanted = await asked(desk, alert, request=REQUEST)
        place = desk.service.open_alerts[0].position
    body = wanted.body
    assert isinstance(body, FlightRequest)
    assert body.point is not None
    assert (body.point.lat, body.point.lon, body.point.from_deg) == (place.lat, place.lon, WIND.wind_from_deg)
    assert (body.request, body.by, body.priority, body.on_detection) == (REQUEST, "Anna Li", Priority.EMERGENCY, "investigate")
    assert body.expires == time.clock.utc() + timedelta(hours=1)


async def test_a_vague_place_is_looked_at_whole(open_desk: Opening, time: HandClock) -> None:
    async with open_desk() as desk:
        wanted = await asked(desk, await raised(desk, time, error_m=150.0))
    assert isinstance(wanted.body, FlightRequest)
    assert wanted.body.point is None
    assert wanted.body.area is not None
    (ring,) = wanted.body.area.polygon.coordinates
    assert 0.0026 < max(lat for _, lat in ring) - min(lat for _, lat in ring) < 0.0029, "300 m and a little"


async def test_an_answer_says_until_when_it_counts(open_desk: Opening, time: HandClock) -> None:
    until = datetime(2030, 1, 1, tzinfo=UTC)
    async with open_desk() as desk:
        wanted = await asked(desk, await raised(desk, time), expires=until)
    assert isinstance(wanted.body, FlightRequest)
    assert wanted.body.expires == until


async def test_there_is_nothing_to_look_at(open_desk: Opening, time: HandClock) -> None:
    async with open_desk() as desk:
        alert = await raised(desk, time)
        unknown = await asked(desk, "01M88RMCFSSA70TEPXV9YY2S1Q")
        not_theirs = await asked(desk, alert, "water")
        await desk.service.on_action(alert, AlertEvent.RESOLVE, "Li")
        closed = await asked(desk, alert)
    bodies = [wanted.body for wanted in (unknown, not_theirs, closed)]
    assert [b.code for b in bodies if isinstance(b, Refused)] == ["alert.unknown", "alert.not_theirs", "alert.no_such_step"]


@pytest.mark.parametrize(("step", "status"), [(None, "withdrawn"), (AlertEvent.DISPATCH, "dispatched")])
async def test_a_look_that_saw_nothing_is_told(
    open_desk: Opening, time: HandClock, step: AlertEvent | None, status: str
) -> None:
    async with open_desk() as desk:
        alert = await raised(desk, time)
        if step:
            await desk.service.on_action(alert, step, "Li")
            await desk.take()
        time.pass_s(600.0)
        await desk.service.on_look(LookedAgain(alert, "Anna Li@forestry", "flight-2", time.clock.utc() - timedelta(minutes=3)))
        (told,) = await desk.alerts()
        await desk.service.on_look(LookedAgain("unknown", "Anna Li@forestry", "flight-2", time.clock.utc()))
        assert await desk.take() == []
    assert (told["status"], told["certainty"]) == (status, "Unlikely")
    assert told["history"][-1]["reason"] == "A second look found nothing. Asked for by Anna Li@forestry."


async def test_what_the_look_saw_again_stays(open_desk: Opening, time: HandClock) -> None:
    async with open_desk() as desk:
        alert = await raised(desk, time)
        began = time.clock.utc() + timedelta(seconds=300)
        time.pass_s(420.0)
        await desk.service.on_sighting(sighting(at=time.now), SightingContext(flight="flight-2"))
        await desk.take()
        await desk.service.on_look(LookedAgain(alert, "Anna Li@forestry", "flight-2", began))
        assert await desk.take() == []
        assert [a.alert for a in desk.service.open_alerts] == [alert]


async def test_what_the_look_saw_again_outlives_a_restart(open_desk: Opening, time: HandClock) -> None:
    async with open_desk() as desk:
        alert = await raised(desk, time)
    began = time.clock.utc() + timedelta(seconds=300)
    time.pass_s(420.0)
    async with open_desk() as desk:
        await desk.service.on_sighting(sighting(at=time.now), SightingContext())
    time.pass_s(120.0)
    async with open_desk() as desk:
        await desk.service.on_look(LookedAgain(alert, "Anna Li@forestry", "flight-2", began))
        assert [a.alert for a in desk.service.open_alerts] == [alert]


async def test_an_answer_that_is_late_or_not_from_its_department_does_nothing(open_desk: Opening, time: HandClock) -> None:
    async def answered(desk: Desk, alert: str, **more: object) -> object:
        action = AlertAction.model_validate({"alert": alert, "action": "false_alarm", "by": "B", **more})
        return await answer(desk.service, ActionReceived("forestry", action))

    forged = Refused("request.not_signed", "no signature")
    async with open_desk() as desk:
        alert = await raised(desk, time)
        late = await answered(desk, alert, expires=time.clock.utc() - timedelta(seconds=1))
    async with open_desk(check=lambda _: forged) as desk:
        unsigned = await answered(desk, alert)
        assert [a.alert for a in desk.service.open_alerts] == [alert]
    assert isinstance(late, Refused)
    assert late.code == "request.expired"
    assert unsigned == forged


@pytest.mark.parametrize(
    ("hazard", "extent_m2", "speaks"),
    [(Hazard.SMOKE, 600.0, False), (Hazard.SMOKE, None, False), (Hazard.SMOKE, 3_000.0, True), (Hazard.FIRE, 5.0, True)],
)
async def test_a_false_alarm_keeps_only_its_like_quiet(
    open_desk: Opening, time: HandClock, hazard: Hazard, extent_m2: float | None, speaks: bool
) -> None:
    async with open_desk() as desk:
        alert = await raised(desk, time, hazard=Hazard.SMOKE, extent_m2=500.0)
        await desk.service.on_action(alert, AlertEvent.FALSE_ALARM, "Li")
        time.pass_s(3600.0)
        new = sighting(track="track-2", hazard=hazard, at=time.now, extent_m2=extent_m2)
        assert (await desk.service.on_sighting(new, SightingContext()) is not None) is speaks
