"""The forms of an alert over its life: one chain of CAP messages for each department, through restarts, to the end."""

import hashlib
from pathlib import Path
from typing import Any

from lxml import etree

from agent.alerts.incident import SightingContext
from agent.alerts.lifecycle import AlertEvent
from agent.domain.hazard import Hazard
from agent.domain.sighting import SightingLevel
from agent.domain.topics import RETAINED_TAILS
from agent.store.outbox import Message
from tests.doubles.hub import HandClock, picture, sighting
from tests.unit.alerts.conftest import Desk, Opening

_NOTHING = SightingContext()
NS = {"c": "urn:oasis:names:tc:emergency:cap:1.2"}


async def _caps(desk: Desk, department: str = "forestry") -> list[Any]:
    messages = [m for m in await desk.take() if f"/alerts/{department}/" in m.topic and m.topic.endswith("/cap")]
    return [etree.fromstring(m.payload) for m in messages if m.payload]


def _text(message: Any, path: str) -> str:
    return str(message.findtext(path, "", NS))


def _name(message: Any) -> str:
    return ",".join(_text(message, f"c:{part}") for part in ("sender", "identifier", "sent"))


async def test_each_message_names_all_before_it_across_restarts(open_desk: Opening, time: HandClock) -> None:
    async with open_desk() as desk:
        told = await desk.service.on_sighting(sighting(at=time.now), _NOTHING)
        chain = await _caps(desk)
    assert told is not None
    async with open_desk() as desk:
        time.pass_s(20.0)
        await desk.service.on_sighting(sighting(at=time.now, extent_m2=50.0), _NOTHING)
        await desk.service.on_action(told.alert, AlertEvent.DISPATCH, "anna@forestry", "crew 4")
        chain += await _caps(desk)
    async with open_desk() as desk:
        time.pass_s(20.0)
        await desk.service.on_action(told.alert, AlertEvent.FALSE_ALARM, "anna@forestry", "a charcoal burner")
        chain += await _caps(desk)

    assert [_text(m, "c:msgType") for m in chain] == ["Alert", "Update", "Update", "Cancel"]
    for n, message in enumerate(chain):
        assert _text(message, "c:references").split() == [_name(m) for m in chain[:n]]
    assert len({_name(m) for m in chain}) == 4
    assert "a charcoal burner" in _text(chain[-1], "c:note")
    assert _text(chain[-1], "c:info/c:certainty") == "Unlikely"


async def test_departments_have_chains_of_their_own(open_desk: Opening, time: HandClock) -> None:
    async with open_desk(departments={"forestry": {"hazards": ["fire", "smoke"]}, "grid": {"hazards": ["fire"]}}) as desk:
        await desk.service.on_sighting(sighting("a", Hazard.SMOKE, at=time.now), _NOTHING)
        time.pass_s(20.0)
        await desk.service.on_sighting(sighting("b", Hazard.FIRE, at=time.now, north_m=30.0), _NOTHING)
        time.pass_s(20.0)
        await desk.service.on_sighting(sighting("b", Hazard.FIRE, at=time.now, north_m=30.0, extent_m2=400.0), _NOTHING)
        await desk.take()
        by_department = {
            d: [
                etree.fromstring(m.payload)
                for m in desk.taken
                if m.payload and m.topic.endswith("/cap") and f"/{d}/" in m.topic
            ]
            for d in ("forestry", "grid")
        }
    assert [_text(m, "c:msgType") for m in by_department["forestry"]] == ["Alert", "Update", "Update"]
    assert [_text(m, "c:msgType") for m in by_department["grid"]] == ["Alert", "Update"], "it is told for the first time"
    assert _text(by_department["grid"][1], "c:references") == _name(by_department["grid"][0])
    assert {_text(m, "c:addresses") for m in by_department["grid"]} == {"grid"}


async def test_cap_names_the_picture_with_its_digest(open_desk: Opening, tmp_path: Path) -> None:
    async with open_desk() as desk:
        await desk.service.on_sighting(sighting(evidence=(picture(tmp_path),)), _NOTHING)
        (message,) = await _caps(desk)
        jpegs = {m.topic: m.payload for m in desk.taken if m.content_type == "image/jpeg"}
    jpeg = jpegs[_text(message, "c:info/c:resource/c:uri").removeprefix("mqtt:///")]
    assert _text(message, "c:info/c:resource/c:digest") == hashlib.sha1(jpeg, usedforsecurity=False).hexdigest()
    assert _text(message, "c:info/c:resource/c:size") == str(len(jpeg))
    assert _text(message, "c:info/c:resource/c:mimeType") == "image/jpeg"


async def test_a_thermal_picture_stands_below_the_other(open_desk: Opening, tmp_path: Path) -> None:
    evidence = (picture(tmp_path), picture(tmp_path, seed=1, kind="thermal"))
    async with open_desk() as desk:
        told = await desk.service.on_sighting(sighting("s", Hazard.SMOKE, evidence=evidence), _NOTHING)
        assert told is not None
        (first,) = await _caps(desk)
        assert f"nest/v1/alerts/forestry/smoke/n1/{told.alert}/snapshot/thermal" in desk.retained()
        await desk.service.on_sighting(sighting("f", Hazard.FIRE, north_m=50.0), _NOTHING)
        (alert,) = await desk.alerts()
        base = f"nest/v1/alerts/forestry/fire/n1/{told.alert}"
        assert {t.removeprefix(base) for t in desk.retained() if "/forestry/" in t} == set(RETAINED_TAILS)
        pictures = {m.topic: hashlib.sha256(m.payload).hexdigest() for m in desk.taken if m.payload.startswith(b"\xff\xd8")}
        assert [(e["kind"], pictures[e["topic"]]) for e in alert["evidence"]] == [
            (e["kind"], e["sha256"]) for e in alert["evidence"]
        ]
        await desk.service.on_action(told.alert, AlertEvent.RESOLVE, "anna")
        await desk.take()
        assert desk.retained() == set()
    words = [r.findtext("c:resourceDesc", "", NS) for r in first.iterfind("c:info/c:resource", NS)]
    assert words == ["Picture from the drone", "Thermal picture from the drone"]
    assert [e["kind"] for e in alert["evidence"]] == ["snapshot", "thermal"]


async def test_the_end_is_told_in_every_form_before_anything_is_cleared(open_desk: Opening, tmp_path: Path) -> None:
    async with open_desk() as desk:
        await desk.service.on_sighting(sighting(evidence=(picture(tmp_path),)), _NOTHING)
        await desk.take()
        await desk.service.on_sighting(sighting(level=SightingLevel.CLEARED, confidence=0.01), _NOTHING)
        last = [m for m in await desk.take() if "/forestry/" in m.topic]
    told = [m for m in last if _form(m) != "snapshot"]
    assert [_form(m) for m in told] == ["alert", "cap", "cot", "geojson", "alert", "cap", "geojson"]
    assert [bool(m.payload) for m in told] == [True] * 4 + [False] * 3
    assert len({m.order_key for m in told}) == 1, "the outbox keeps this order"
    assert [m.payload for m in last if _form(m) == "snapshot"] == [b""]
    event = etree.fromstring(told[2].payload)
    assert event.get("stale") < event.get("start")


async def test_smoke_that_becomes_a_fire_leaves_nothing_under_its_old_topics(open_desk: Opening, tmp_path: Path) -> None:
    async with open_desk() as desk:
        await desk.service.on_sighting(sighting("s", Hazard.SMOKE, evidence=(picture(tmp_path),)), _NOTHING)
        await desk.take()
        await desk.service.on_sighting(sighting("f", Hazard.FIRE, north_m=50.0), _NOTHING)
        moved = [m for m in await desk.take() if "/forestry/" in m.topic]
    assert [(m.topic.split("/")[4], _form(m)) for m in moved if _form(m) != "snapshot"] == [
        *(("fire", form) for form in ("alert", "cap", "cot", "geojson")),
        *(("smoke", form) for form in ("alert", "cap", "geojson")),
    ]
    pictures = [(m.topic.split("/")[4], bool(m.payload)) for m in moved if _form(m) == "snapshot"]
    assert pictures == [("fire", True), ("smoke", False)]
    (cap,) = (m for m in moved if _form(m) == "cap" and m.payload)
    assert "/fire/" in _text(etree.fromstring(cap.payload), "c:info/c:resource/c:uri")


def _form(message: Message) -> str:
    levels = message.topic.split("/")
    return levels[7] if len(levels) > 7 else "alert"
