"""What a department may ask: signatures and their keys, daily quota, area, hours."""

import asyncio
import base64
import json
from datetime import timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.config.requests import RequestKey, RequestRights
from agent.messaging.requests import signed_bytes
from tests.doubles.flight import square
from tests.doubles.intake import BOUNDED, KEY, hear, later, point
from tests.doubles.requests import MORNING, asked


def test_who_cannot_sign_cannot_take_an_id_away(tmp_path):
    async def work(desk):
        body = asked(desk.clock)
        assert (await desk.ask(body))["answer"] == "refused"
        data = json.dumps(body).encode()
        signature = base64.b64encode(KEY.sign(signed_bytes("nest/v1/requests/forestry/n1", data))).decode()
        assert (await desk.ask(data, attributes={"signature": signature}))["answer"] == "accepted"
        assert [e.signed for e in await desk.log()] == [None, True]

    hear(tmp_path, work, departments={"forestry": BOUNDED}, signature_required=True)


def test_a_signature_for_another_nest_does_not_count_here(tmp_path):
    async def work(desk):
        data = json.dumps(asked(desk.clock)).encode()
        signature = base64.b64encode(KEY.sign(signed_bytes("nest/v1/requests/forestry/n2", data))).decode()
        answer = await desk.ask(data, attributes={"signature": signature})
        assert [r["code"] for r in answer["reasons"]] == ["request.bad_signature"]

    hear(tmp_path, work, departments={"forestry": BOUNDED})


def test_a_key_counts_until_its_end_and_its_successor_beside_it(tmp_path):
    old, new = Ed25519PrivateKey.generate(), KEY
    keys = tuple(
        RequestKey(public=base64.b64encode(k.public_key().public_bytes_raw()).decode(), not_after=end)
        for k, end in ((old, MORNING - timedelta(hours=1)), (new, None))
    )

    async def work(desk):
        for key, answered in ((old, "refused"), (new, "accepted")):
            data = json.dumps(asked(desk.clock)).encode()
            signature = base64.b64encode(key.sign(signed_bytes("nest/v1/requests/forestry/n1", data))).decode()
            assert (await desk.ask(data, attributes={"signature": signature}))["answer"] == answered

    hear(tmp_path, work, departments={"forestry": RequestRights(keys=keys)})


def test_on_3_1_1_a_signed_request_carries_its_exact_bytes(tmp_path):
    async def work(desk):
        data = json.dumps(asked(desk.clock), indent=3).encode()
        signature = base64.b64encode(KEY.sign(signed_bytes("nest/v1/requests/forestry/n1", data))).decode()
        event = {"specversion": "1.0", "id": "1", "source": "/desk", "type": "nest.request.v1", "signature": signature}
        assert (await desk.ask({**event, "data_base64": base64.b64encode(data).decode()}))["answer"] == "accepted"
        assert (await desk.ask({**event, "data": asked(desk.clock)}))["answer"] == "refused"
        assert (await desk.ask({**event, "data_base64": "?"}))["answer"] == "refused"

    hear(tmp_path, work, departments={"forestry": BOUNDED})


def test_the_quota_of_a_day_counts_what_was_accepted_and_begins_anew(tmp_path):
    async def work(desk):
        for _ in range(2):
            assert (await desk.ask(asked(desk.clock)))["answer"] == "accepted"
        assert [r["code"] for r in (await desk.ask(asked(desk.clock)))["reasons"]] == ["request.quota"]
        await asyncio.sleep(23 * 3600.0)
        assert (await desk.ask(asked(desk.clock)))["answer"] == "accepted"

    hear(tmp_path, work, departments={"forestry": RequestRights(daily_quota=2)})


def test_a_department_stays_in_its_area_and_what_is_looked_at_counts(tmp_path):
    ring = [[p.lon_deg, p.lat_deg] for p in (*square(220.0), square(220.0)[0])]
    area = tmp_path / "area.geojson"
    feature = {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [ring]}}
    area.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))

    async def work(desk):
        inside = await desk.ask(asked(desk.clock, route=None, point=point(210.0, 0.0, from_deg=0.0)))
        assert inside["answer"] == "accepted", "the drone may stand outside, over the nest's own ground"
        outside = await desk.ask(asked(desk.clock, route=None, point=point(230.0, 0.0)))
        assert [r["code"] for r in outside["reasons"]] == ["request.outside_area"]
        assert (await desk.ask(asked(desk.clock)))["answer"] == "accepted"

    hear(tmp_path, work, departments={"forestry": RequestRights(area_file=area)})


def test_a_request_for_later_waits_for_its_time_and_one_outside_hours_for_the_hours(tmp_path):
    async def work(desk):
        soon = await desk.ask(asked(desk.clock, not_before=later(0.5)))
        assert soon["earliest_start"].startswith("2026-11-23T02:30")
        await asyncio.sleep(2 * 3600.0)
        tomorrow = await desk.ask(asked(desk.clock, expires=later(24)))
        assert tomorrow["earliest_start"].startswith("2026-11-24T01:00")
        assert desk.requests.candidates(desk.clock.utc()) == [], "the hours are over"

    hear(tmp_path, work, departments={"forestry": BOUNDED})
