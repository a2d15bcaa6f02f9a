"""Whatever is sent: no aircraft moves that may not, nothing is raised, everything is answered or dropped by rule and audited.

Hundreds of messages each time; with ``NEST_HOSTILE=100000`` as many as that says.
"""

import asyncio
import base64
import json
import os
import sys
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import Point
from structlog.testing import capture_logs

from agent.config.requests import RequestKey, RequestRights
from agent.core.clock import Clock
from agent.core.geo import polygon_of
from agent.messaging.requests import signed_bytes
from agent.missions.orders import Order
from simulator.loops import VirtualLoop
from tests.doubles.flight import FRAME, SITE
from tests.doubles.hostile import KEYS, STEADY, Hostile, hostile, with_variants
from tests.doubles.requests import MORNING, WallClock, office

MESSAGES = int(os.environ.get("NEST_HOSTILE", "600"))
_BATCH = 20
_EACH = 9  # torn forms of each message
_ANEW = 10  # batches in one life of the nest
_PACE_S = 0.5  # of the loop's time; the nest takes 600 messages a minute here
_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def _rights(name: str) -> RequestRights:
    public = base64.b64encode(KEYS[name].public_key().public_bytes_raw()).decode()
    return RequestRights(scenarios=("fire",), priority_max="routine", daily_quota=1000, keys=(RequestKey(public=public),))


def _place(north_m: float, east_m: float) -> dict[str, float]:
    found = FRAME.to_latlon(north_m, east_m)
    return {"lat": found.lat_deg, "lon": found.lon_deg}


def _bases() -> st.SearchStrategy[dict[str, Any]]:
    """Good requests and cancellations of a few ids, so that ids come again."""
    ids = st.text(st.sampled_from(_DIGITS[:4]), min_size=3, max_size=3).map(lambda end: f"01KB3ZV6J1Q8W9E4R5T6Y7X{end}")
    expires = (MORNING + timedelta(hours=5)).isoformat()
    ring = [[p["lon"], p["lat"]] for p in (_place(100, 100), _place(200, 100), _place(200, 200), _place(100, 100))]
    line = [[p["lon"], p["lat"]] for p in (_place(100, -100), _place(200, -100))]
    targets = (
        {"route": "loop"},
        {"point": _place(200.0, 100.0)},
        {"area": {"polygon": {"type": "Polygon", "coordinates": [ring]}}},
        {"line": {"line": {"type": "LineString", "coordinates": line}, "offset_m": 20.0}},
    )
    common = {"by": st.just("Anna"), "department": st.sampled_from(["forestry", "emergency"]), "request": ids}
    wanted = st.builds(
        lambda target, **more: {"scenario": "fire", "expires": expires, **more, **target}, st.sampled_from(targets), **common
    )
    taken_back = st.fixed_dictionaries({**common, "cancel": ids})
    return st.one_of(wanted, wanted, taken_back)


def _may_be_flown(order: Order, signers: set[str]) -> bool:
    """An own opinion: its department signed something, it is in that department's rights, and it stays in the fence."""
    request = order.request
    signed = request.department in signers
    in_rights = request.scenario == "fire" and request.priority == "routine"
    in_time = MORNING < request.expires <= MORNING + timedelta(hours=49)
    fence = polygon_of(SITE.fence.inclusion, FRAME)
    places = [] if order.route is None else [FRAME.to_local(point.place) for point in order.route.points]
    inside = bool(places) and all(fence.covers(Point(place.east_m, place.north_m)) for place in places)
    return signed and in_rights and in_time and inside


class Court:
    """A nest that judges message after message; begun anew now and then, since what it accepted stays."""

    def __init__(self) -> None:
        self._loop = VirtualLoop()
        self._closing = ExitStack()
        self._opened = self._batches = 0
        self._signers: set[str] = set()

    def judge(self, batch: list[Hostile]) -> None:
        if self._batches % _ANEW == 0:
            self._begin()
        self._batches += 1
        self._loop.run_until_complete(self._judge(batch))

    def _begin(self) -> None:
        self.close()
        directory = Path(self._closing.enter_context(TemporaryDirectory()))
        self._signers.clear()
        rights = {name: _rights(name) for name in ("forestry", "emergency")}

        async def opening() -> Any:
            clock = Clock(computer_unix_s=WallClock())
            manager = office(directory, clock, departments=rights, signature_required=True, queue_max=1000)
            return manager, await manager.__aenter__()

        manager, self.desk = self._loop.run_until_complete(opening())
        self._closing.callback(lambda: self._loop.run_until_complete(manager.__aexit__(None, None, None)))

    def close(self) -> None:
        self._closing.close()

    def end(self) -> None:
        self.close()
        self._loop.close()

    async def _judge(self, batch: list[Hostile]) -> None:
        desk, before = self.desk, self._entries()
        dropped = desk.reader.dropped
        for message in batch:
            more = {"attributes": message.attributes, "retained": message.retained}
            more |= {"response_topic": message.response_topic, "correlation": message.correlation}
            desk.receive(message.payload, message.department, **more)
            await asyncio.sleep(_PACE_S)
        self._signers |= {m.department for m in batch if m.signed_as == m.department and not m.retained}
        judged = sum(not m.retained for m in batch)
        async with asyncio.timeout(60.0):
            while self._entries() < before + judged:  # noqa: ASYNC110 the file tells it
                await asyncio.sleep(_PACE_S)
        assert self._entries() == before + judged, "every message leaves exactly one entry in the audit log"
        assert desk.reader.dropped == dropped + len(batch) - judged, "but a retained one, which is counted"
        wrong = [order.request for order in desk.requests.book.open.values() if not _may_be_flown(order, self._signers)]
        assert wrong == []

    def _entries(self) -> int:
        with self.desk.store.database.transaction(write=False) as connection:
            return int(connection.execute("SELECT count(*) FROM audit").fetchone()[0])


def test_no_message_moves_an_aircraft_that_may_not() -> None:
    court = Court()
    accepted: set[tuple[str, str]] = set()

    @settings(STEADY, max_examples=max(1, MESSAGES // (_BATCH * (1 + _EACH))))
    @given(batch=st.lists(hostile("requests", _bases()), min_size=_BATCH, max_size=_BATCH), seed=st.integers(0, 2**32))
    def play(batch: list[Hostile], seed: int) -> None:
        with capture_logs() as logs:
            court.judge(with_variants(batch, _EACH, Random(seed)))  # noqa: S311 no secret
        assert [line for line in logs if line["event"] == "request.unforeseen"] == []
        accepted.update((order.request.department, order.request.request) for order in court.desk.requests.book.open.values())

    try:
        court.judge([_genuine()])
        assert len(court.desk.requests.book.open) == 1, "what is good is taken, else this test would prove nothing"
        play()
    finally:
        court.end()
    sys.stdout.write(f"{len(accepted)} requests that a department itself had signed were accepted\n")


def _genuine() -> Hostile:
    good = {
        "request": "01KB3ZV6J1Q8W9E4R5T6Y7X999",
        "department": "forestry",
        "by": "Anna",
        "scenario": "fire",
        "route": "loop",
    }
    payload = json.dumps({**good, "expires": (MORNING + timedelta(hours=5)).isoformat()}).encode()
    signature = KEYS["forestry"].sign(signed_bytes("nest/v1/requests/forestry/n1", payload))
    return Hostile("forestry", payload, {"signature": base64.b64encode(signature).decode()}, signed_as="forestry")
