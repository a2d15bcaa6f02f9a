"""A disk that is really full: a file system of a few megabytes, filled to the last byte. Needs the right to mount."""

import asyncio
import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from agent.alerts.incident import SightingContext
from agent.domain.status import NestStatus, NestSummary
from tests.contract.hub.conftest import StartBroker, StartDesk, hub_section
from tests.doubles.hub import sighting
from tests.doubles.nest_on_hub import nest_on_hub

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a file system")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "disk"
    path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "nest-test", str(path)], check=True)
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)


def _fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(b"\0" * 4096):
            pass


async def test_what_was_safe_goes_out_what_is_new_waits_for_room_and_the_nest_says_so(
    start_broker: StartBroker, start_desk: StartDesk, small_disk: Path
) -> None:
    broker = start_broker()
    desk = start_desk(broker)
    broker.stop()
    async with nest_on_hub(small_disk / "store", hub_section(broker)) as nest:
        safe = await nest.raise_alert()
        await asyncio.to_thread(_fill, small_disk / "filler")
        lost = sighting("track-2", at=nest.clock.utc(), north_m=900.0)
        assert await nest.alerts.on_sighting(lost, SightingContext()) is None
        broker.start()
        assert await asyncio.to_thread(desk.wait_for, lambda _: len(desk.alerts()) == 2, 10.0)
        reasons = (*nest.alerts.reasons, *nest.hub.reasons)
        assert {r.code for r in reasons} == {"store.full"}
        nest.hub.publish_status(NestStatus(state=NestSummary.READY, at=nest.clock.utc(), reasons=reasons))

        def said(messages: list[object]) -> bool:
            status = [m.body for m in messages if m.topic.endswith("/status") and m.data]  # type: ignore[attr-defined]
            return bool(status) and [r["code"] for r in status[-1]["reasons"]][:1] == ["store.full"]

        assert await asyncio.to_thread(desk.wait_for, said, 10.0), "the status itself needs no disk"
        (small_disk / "filler").unlink()
        assert await asyncio.to_thread(desk.wait_for, lambda _: len(desk.alerts()) == 4, 10.0)
        await nest.until_empty()
        assert nest.alerts.reasons == ()
    told = desk.alerts()
    assert [a["alert"] for a in told[:2]] == [safe.alert] * 2
    assert {a["sequence"] for a in told} == {1}
    assert len({a["alert"] for a in told}) == 2
