"""The fault test in short: every kind of fault once, in seconds. ``nest-sim outbox-faults`` is the long form."""

from pathlib import Path

from simulator.hub.fault_plan import Kind, Story
from simulator.hub.small_disk import can_mount
from simulator.runner.outbox_faults import FaultRun, Picture


async def test_every_alert_once_and_in_order_whatever_fails(tmp_path: Path) -> None:
    story = Story(minutes=8.0, alerts_per_min=10.0, burst=60, bursts=1, faults=1, longest_cut_min=2.0, disk=can_mount())
    pictures: list[Picture] = []
    verdict = await FaultRun(tmp_path, story, seed=3, minute_s=1.0, watch=pictures.append).run()
    assert verdict.good, verdict
    assert verdict.alerts > 60
    wanted = {kind.value for kind in Kind} - {Kind.ALERT, Kind.ANSWERS} - (set() if story.disk else {Kind.DISK_FULL})
    assert set(pictures[-1].faults) == wanted
