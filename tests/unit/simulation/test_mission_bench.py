"""The bench measures real uploads, and its limit is the wire's."""

import pytest

from agent.mavlink.enums import MissionType
from agent.mavlink.items import body_of
from agent.routes.checks import check_fence
from agent.routes.compile import Pad
from agent.vehicle.ardupilot import TRAITS
from agent.vehicle.plan_items import WirePlan, write_plan
from simulator.link.model import Impairment
from simulator.runner.in_memory import PLACE
from simulator.runner.mission_bench import CASES, ITEM_BYTES, Case, Row, measure, plan_of
from simulator.vehicle.wire import mavlink


def test_the_limit_counts_the_bytes_that_cross() -> None:
    row = Row(Case("radio", Impairment(baud=57_600, delay_s=0.05)), 576, telemetry_bytes_s=1760.0)
    assert row.bare_limit_s == pytest.approx(2 * 576 * 49 / 5760 + 2 * 0.1)
    assert row.limit_s == pytest.approx(576 * 49 / 5760 + 576 * 49 / 4000 + 2 * 0.1)


@pytest.mark.parametrize("count", [10, 100, 576])
def test_the_plan_has_so_many_items_of_so_many_bytes_and_is_sound(count: int) -> None:
    plan = plan_of(count, 3)
    written = write_plan(plan, TRAITS.wording, PLACE.latlon)
    assert isinstance(written, WirePlan)
    assert len(written.mission) == count
    codec = mavlink.MAVLink(None, srcSystem=255, srcComponent=190)
    assert len(body_of(written.mission[4], 1, 300, MissionType.MISSION).pack(codec)) == ITEM_BYTES
    assert check_fence(plan.fence, Pad(PLACE.latlon, 0.0)) == []


def test_an_upload_over_a_radio_that_loses_packets_is_near_the_limit() -> None:
    (case,) = (case for case in CASES if case.name == "57,600 baud, 100 ms, 5 % lost")
    row = measure(case, 100, 1, None)
    assert row.failures == []
    assert row.limit_s < row.median_s < 5.0 * row.limit_s
