"""The life of alerts: what is told, when, and to whom."""

import hashlib
from pathlib import Path

import pytest

from agent.alerts.incident import SightingContext
from agent.alerts.lifecycle import AlertEvent
from agent.alerts.picture import read_evidence
from agent.core.outcome import Accepted, Refused
from agent.domain.alert import Alert, AlertWeather
from agent.domain.hazard import Hazard
from agent.domain.sighting import Evidence, SightingLevel
from tests.doubles.hub import NOON, RETAINED_TAILS, HandClock, picture, sighting
from tests.unit.alerts.conftest import Opening

_NOTHING = SightingContext()


async def test_a_confirmed_sighting_opens_one_alert_for_each_department(open_desk: Opening, tmp_path: Path) -> None:
    weather = AlertWeather(wind_m_s=3.0, wind_from_deg=90.0, temp_c=20.0, humidity=0.4)
    context = SightingContext(flight="f1", route="r1", inspection_point="p7", weather=weather)
    async with open_desk() as desk:
        told = await desk.service.on_sighting(sighting(evidence=(picture(tmp_path),)), context)
        messages = await desk.take()

    assert told is not None
    base = f"/fire/n1/{told.alert}"
    by_topic = {m.topic: m for m in messages}
    forms = {"", "/cap", "/cot", "/geojson", "/snapshot"}
    assert set(by_topic) == {f"nest/v1/alerts/{d}{base}{s}" for d in ("forestry", "emergency") for s in forms}
    assert len({m.message_id for m in messages}) == len(messages) == 10
    assert all(m.retain == (not m.topic.endswith("/cot")) for m in messages)
    alert = Alert.model_validate_json(by_topic[f"nest/v1/alerts/forestry{base}"].payload)
    assert (alert.status, alert.sequence, alert.certainty, alert.severity) == ("open", 1, "Observed", "Severe")
    assert (alert.flight, alert.route, alert.inspection_point, alert.weather) == ("f1", "r1", "p7", weather)
    assert alert.simulated
    (evidence,) = alert.evidence
    jpeg = by_topic[evidence.topic].payload
    assert hashlib.sha256(jpeg).hexdigest() == evidence.sha256


async def test_a_hazard_that_no_department_asked_for_is_told_to_all(open_desk: Opening) -> None:
    async with open_desk() as desk:
        told = await desk.service.on_sighting(sighting(hazard=Hazard.PERSON), _NOTHING)
        messages = await desk.take()
    assert told is not None
    assert {m.topic.split("/")[3] for m in messages} == {"forestry", "emergency", "water"}


@pytest.mark.parametrize("level", [SightingLevel.SUSPECT, SightingLevel.CLEARED])
async def test_what_is_not_confirmed_opens_nothing(open_desk: Opening, level: SightingLevel) -> None:
    async with open_desk() as desk:
        assert await desk.service.on_sighting(sighting(level=level), _NOTHING) is None
        assert await desk.take() == []


async def test_frames_without_news_are_not_told(open_desk: Opening, time: HandClock) -> None:
    async with open_desk() as desk:
        await desk.service.on_sighting(sighting(at=time.now), _NOTHING)
        await desk.take()
        for _ in range(50):
            time.pass_s(1.0)
            await desk.service.on_sighting(sighting(at=time.now, confidence=0.96), _NOTHING)
        assert await desk.take() == []


async def test_news_are_told_no_more_often_than_the_interval(open_desk: Opening, time: HandClock) -> None:
    async with open_desk(update_min_interval_s=10.0) as desk:
        await desk.service.on_sighting(sighting(at=time.now, extent_m2=10.0), _NOTHING)
        for step in range(1, 31):
            time.pass_s(1.0)
            await desk.service.on_sighting(sighting(at=time.now, extent_m2=10.0 * 1.4**step), _NOTHING)
        alerts = [a for a in await desk.alerts() if a["severity"] == "Severe"]
    assert [a["sequence"] for a in alerts] == [1, 2, 3]
    assert [a["status"] for a in alerts] == ["open", "updated", "updated"]


async def test_growth_is_area_over_time(open_desk: Opening, time: HandClock) -> None:
    async with open_desk() as desk:
        await desk.service.on_sighting(sighting(at=time.now, extent_m2=100.0), _NOTHING)
        time.pass_s(120.0)
        told = await desk.service.on_sighting(sighting(at=time.now, extent_m2=700.0), _NOTHING)
    assert told is not None
    assert told.growth_m2_per_min == pytest.approx(300.0)


async def test_lowered_certainty_is_told_at_once(open_desk: Opening, time: HandClock) -> None:
    async with open_desk() as desk:
        await desk.service.on_sighting(sighting(at=time.now), _NOTHING)
        time.pass_s(1.0)
        await desk.service.on_sighting(sighting(at=time.now, level=SightingLevel.SUSPECT, confidence=0.4), _NOTHING)
        assert [(a["certainty"], a["status"]) for a in await desk.alerts()] == [("Observed", "open"), ("Possible", "updated")]


async def test_a_second_look_that_finds_nothing_withdraws_and_clears(open_desk: Opening, tmp_path: Path) -> None:
    async with open_desk() as desk:
        await desk.service.on_sighting(sighting(evidence=(picture(tmp_path),)), _NOTHING)
        await desk.take()
        assert len(desk.retained()) == 8
        await desk.service.on_sighting(sighting(level=SightingLevel.CLEARED, confidence=0.01), _NOTHING)
        last = [m for m in await desk.take() if "/forestry/" in m.topic]
    told = [m for m in last if not m.topic.endswith("/snapshot")]
    final, *other_forms = told[:4]
    alert = Alert.model_validate_json(final.payload)
    assert (alert.status, alert.certainty, alert.sequence) == ("withdrawn", "Unlikely", 2)
    assert "nothing" in alert.history[-1].reason
    assert [m.topic.removeprefix(final.topic) for m in other_forms] == ["/cap", "/cot", "/geojson"]
    assert all(m.payload and not m.retain for m in told[:4])
    cleared = [m for m in last if not m.payload]
    assert {m.topic for m in cleared} == {final.topic + tail for tail in RETAINED_TAILS}
    assert all(m.retain for m in cleared)
    assert told[4:] == [m for m in cleared if not m.topic.endswith("/snapshot")]
    assert desk.retained() == set()


async def test_smoke_that_stays_keeps_the_alert_when_the_flames_are_gone(open_desk: Opening) -> None:
    async with open_desk() as desk:
        await desk.service.on_sighting(sighting("flames"), _NOTHING)
        await desk.service.on_sighting(sighting("smoke", Hazard.SMOKE, north_m=60.0), _NOTHING)
        await desk.service.on_sighting(sighting("flames", level=SightingLevel.CLEARED), _NOTHING)
        assert len(desk.service.open_alerts) == 1
        await desk.service.on_sighting(sighting("smoke", Hazard.SMOKE, SightingLevel.CLEARED, north_m=60.0), _NOTHING)
        assert desk.service.open_alerts == ()


async def test_smoke_becomes_a_fire_under_new_topics_with_its_picture(open_desk: Opening, tmp_path: Path) -> None:
    async with open_desk() as desk:
        first = await desk.service.on_sighting(sighting("smoke", Hazard.SMOKE, evidence=(picture(tmp_path),)), _NOTHING)
        second = await desk.service.on_sighting(sighting("fire", Hazard.FIRE, north_m=50.0), _NOTHING)
        await desk.take()
    assert first is not None
    assert second is not None
    assert (second.alert, second.sequence, second.hazard) == (first.alert, 2, Hazard.FIRE)
    tail = f"/fire/n1/{first.alert}"
    assert desk.retained() == {f"nest/v1/alerts/{d}{tail}{s}" for d in ("forestry", "emergency") for s in RETAINED_TAILS}


async def test_nobody_answers_and_it_is_told_again(open_desk: Opening, time: HandClock) -> None:
    async with open_desk(repeat_after_s=30.0) as desk:
        told = await desk.service.on_sighting(sighting(at=time.now), _NOTHING)
        assert told is not None
        assert (await desk.next_change()).previous is None
        for sequence in (2, 3):
            time.pass_s(31.0)
            assert (await desk.next_change()).alert.sequence == sequence
        assert [(a["sequence"], a["status"]) for a in await desk.alerts()] == [(1, "open"), (2, "open"), (3, "open")]
        outcome = await desk.service.on_action(told.alert, AlertEvent.ACKNOWLEDGE, "anna@forestry")
        assert outcome == Accepted()
        time.pass_s(300.0)
        await desk.service._due()
        assert [(a["status"], a["history"][-1]["by"]) for a in await desk.alerts()] == [("acknowledged", "anna@forestry")]


async def test_what_is_never_seen_again_expires(open_desk: Opening, time: HandClock) -> None:
    async with open_desk(expire_after_s=600.0, repeat_after_s=86400.0) as desk:
        await desk.service.on_sighting(sighting(at=time.now), _NOTHING)
        time.pass_s(601.0)
        await desk.service._due()
        assert [a["status"] for a in await desk.alerts()] == ["open", "expired"]
        assert desk.retained() == set()


async def test_people_answer_what_is_not_there_or_not_possible(open_desk: Opening) -> None:
    async with open_desk() as desk:
        told = await desk.service.on_sighting(sighting(), _NOTHING)
        assert told is not None
        unknown = await desk.service.on_action("nothing", AlertEvent.RESOLVE, "anna")
        assert isinstance(unknown, Refused)
        assert unknown.code == "alert.unknown"
        await desk.service.on_action(told.alert, AlertEvent.RESOLVE, "anna", "put out")
        again = await desk.service.on_action(told.alert, AlertEvent.DISPATCH, "anna")
        assert isinstance(again, Refused)
        assert again.code == "alert.no_such_step"


@pytest.mark.parametrize(("event", "quiet_s"), [(AlertEvent.FALSE_ALARM, 86_400.0), (AlertEvent.RESOLVE, 600.0)])
async def test_after_people_closed_it_the_place_is_quiet_for_a_while(
    open_desk: Opening, time: HandClock, event: AlertEvent, quiet_s: float
) -> None:
    async with open_desk() as desk:
        told = await desk.service.on_sighting(sighting(at=time.now), _NOTHING)
        assert told is not None
        await desk.service.on_action(told.alert, event, "anna")
    async with open_desk() as desk:  # a restart does not forget it
        time.pass_s(quiet_s - 1.0)
        assert await desk.service.on_sighting(sighting("new", at=time.now), _NOTHING) is None
        assert await desk.service.on_sighting(sighting("elsewhere", at=time.now, north_m=900.0), _NOTHING) is not None
        time.pass_s(2.0)
        new = await desk.service.on_sighting(sighting("new", at=time.now), _NOTHING)
    assert new is not None
    assert new.alert != told.alert


async def test_the_same_track_after_a_restart_is_the_same_alert(open_desk: Opening, time: HandClock) -> None:
    async with open_desk() as desk:
        first = await desk.service.on_sighting(sighting(at=time.now), _NOTHING)
    async with open_desk() as desk:
        time.pass_s(20.0)
        assert await desk.service.on_sighting(sighting(at=time.now), _NOTHING) is None  # no news
        second = await desk.service.on_sighting(sighting(at=time.now, extent_m2=50.0), _NOTHING)
    assert first is not None
    assert second is not None
    assert (second.alert, second.sequence) == (first.alert, 2)


async def test_an_old_sighting_that_comes_late_changes_nothing(open_desk: Opening, time: HandClock) -> None:
    async with open_desk() as desk:
        time.pass_s(60.0)
        await desk.service.on_sighting(sighting(at=time.now), _NOTHING)
        late = sighting(at=NOON, level=SightingLevel.CLEARED)
        assert await desk.service.on_sighting(late, _NOTHING) is None
        assert len(desk.service.open_alerts) == 1


async def test_a_full_disk_keeps_the_sighting_and_tells_it_when_there_is_room(open_desk: Opening) -> None:
    async with open_desk() as desk:
        with desk.store.database.transaction() as connection:
            connection.execute("PRAGMA query_only = ON")
        assert await desk.service.on_sighting(sighting(), _NOTHING) is None
        assert [r.code for r in desk.service.reasons] == ["store.read_only"]
        assert desk.service.open_alerts == ()
        with desk.store.database.transaction(write=False) as connection:
            connection.execute("PRAGMA query_only = OFF")
        assert (await desk.next_change()).alert.status == "open"
        assert desk.service.reasons == ()
        assert [a["status"] for a in await desk.alerts()] == ["open"]


async def test_incident_and_messages_are_safe_together_or_not_at_all(open_desk: Opening) -> None:
    async with open_desk() as desk:
        with desk.store.database.transaction() as connection:
            connection.execute("CREATE TRIGGER broken BEFORE INSERT ON outbox BEGIN SELECT RAISE(ABORT, 'broken'); END")
        assert await desk.service.on_sighting(sighting(), _NOTHING) is None
        with desk.store.database.transaction() as connection:
            assert connection.execute("SELECT count(*) FROM incident").fetchone()[0] == 0
            connection.execute("DROP TRIGGER broken")


def _spoilt(evidence: Evidence, fault: str) -> Evidence:
    path = Path(evidence.path)
    if fault == "missing":
        path.unlink()
        return evidence
    content = b"\xff\xd8 something else" if fault == "changed" else b"no picture"
    path.write_bytes(content)
    if fault == "no picture":
        return evidence.model_copy(update={"sha256": hashlib.sha256(content).hexdigest()})
    return evidence


@pytest.mark.parametrize("fault", ["missing", "changed", "no picture"])
async def test_an_alert_goes_without_a_picture_that_cannot_be_used(open_desk: Opening, tmp_path: Path, fault: str) -> None:
    evidence = _spoilt(picture(tmp_path), fault)
    async with open_desk() as desk:
        assert await desk.service.on_sighting(sighting(evidence=(evidence,)), _NOTHING) is not None
        (alert,) = await desk.alerts()
    assert "evidence" not in alert or alert["evidence"] == []


async def test_a_large_picture_is_made_small_enough(open_desk: Opening, tmp_path: Path) -> None:
    evidence = picture(tmp_path, size=(720, 1280))
    assert len(read_evidence(evidence)) > 400_000
    async with open_desk(snapshot_max_bytes=60_000) as desk:
        await desk.service.on_sighting(sighting(evidence=(evidence,)), _NOTHING)
        jpegs = [m.payload for m in await desk.take() if m.content_type == "image/jpeg"]
    assert jpegs
    assert all(10_000 < len(jpeg) <= 60_000 and jpeg.startswith(b"\xff\xd8\xff") for jpeg in jpegs)
