"""Plans go over the wire in each autopilot's words, and come back as indices of the plan."""

import math
from dataclasses import replace
from typing import Any

import pytest

from agent.core.geo import Circle, LatLon, LocalFrame
from agent.core.outcome import Refused
from agent.domain.mission import Fence, FlightPlan, ItemKind, PlanItem, RallyPoint
from agent.mavlink.enums import Cmd, Frame
from agent.vehicle.ardupilot import TRAITS as ARDUPILOT
from agent.vehicle.plan_items import WirePlan, Wording, write_plan
from agent.vehicle.px4 import TRAITS as PX4

HOME = LatLon(30.39, 119.84)
FRAME = LocalFrame(HOME)
RING = tuple(FRAME.to_latlon(n, e) for n, e in ((-500, -500), (-500, 500), (500, 500), (500, -500)))
ITEMS = (
    PlanItem(ItemKind.TAKEOFF, alt_rel_m=30.0),
    PlanItem(ItemKind.CHANGE_SPEED, speed_m_s=8.0),
    PlanItem(ItemKind.POINT_CAMERA, camera_pitch_deg=-45.0),
    PlanItem(ItemKind.WAYPOINT, place=FRAME.to_latlon(100, 0), alt_rel_m=40.0, hold_s=2.4, heading_deg=-90.0),
    PlanItem(ItemKind.CAPTURE),
    PlanItem(ItemKind.WAYPOINT, place=FRAME.to_latlon(100, 100), alt_rel_m=40.0),
    PlanItem(ItemKind.RETURN),
)
PLAN = FlightPlan("r", ITEMS, Fence(RING, (RING[:3],)), (RallyPoint(FRAME.to_latlon(50, 50), 30.0),))


def written(wording: Wording, plan: FlightPlan = PLAN, home: LatLon | None = HOME) -> WirePlan:
    result = write_plan(plan, wording, home)
    assert isinstance(result, WirePlan), result
    return result


def test_ardupilot_gets_home_first_and_turns_before_the_waypoint() -> None:
    plan = written(ARDUPILOT.wording)
    assert [Cmd(item.command).name for item in plan.mission] == [
        "NAV_WAYPOINT", "NAV_TAKEOFF", "DO_CHANGE_SPEED", "DO_MOUNT_CONTROL", "CONDITION_YAW", "NAV_WAYPOINT",
        "IMAGE_START_CAPTURE", "NAV_WAYPOINT", "NAV_RETURN_TO_LAUNCH",
    ]  # fmt: skip
    assert plan.index_of == (-1, 0, 1, 2, 3, 3, 4, 5, 6)
    assert plan.begins == (1, 2, 3, 4, 6, 7, 8)
    assert plan.mission[4].params[0] == 270.0
    assert plan.mission[5].params[0] == 3.0, "ArduPilot keeps whole seconds; a hold is never shorter than asked for"
    assert (plan.mission[5].z, plan.mission[5].frame) == (40.0, Frame.GLOBAL_RELATIVE_ALT)


def test_px4_is_given_no_rally_points_since_its_own_return_would_go_to_a_nearer_one() -> None:
    assert len(written(ARDUPILOT.wording).rally) == 1
    assert written(PX4.wording).rally == ()
    assert written(PX4.wording).fence == written(ARDUPILOT.wording).fence


def test_px4_stops_where_it_must_turn_and_flies_through_where_it_need_not() -> None:
    through = [replace(item, hold_s=0.0) for item in ITEMS]
    px4, ardupilot = (written(traits.wording, replace(PLAN, items=tuple(through))) for traits in (PX4, ARDUPILOT))
    assert [item.params[0] for item in px4.mission if item.command == Cmd.NAV_WAYPOINT] == [1.0, 0.0]
    assert [item.params[0] for item in ardupilot.mission if item.command == Cmd.NAV_WAYPOINT] == [0.0, 0.0, 0.0]


def test_px4_keeps_the_heading_in_the_waypoint_and_needs_a_place_to_take_off() -> None:
    plan = written(PX4.wording)
    assert plan.index_of == (0, 1, 2, 3, 4, 5, 6)
    assert plan.mission[3].params[3] == -90.0
    assert math.isnan(plan.mission[5].params[3])
    assert (plan.mission[0].x, plan.mission[0].y) == (303_900_000, 1_198_400_000)
    assert isinstance(write_plan(PLAN, PX4.wording, None), Refused)


@pytest.mark.parametrize(
    ("seq", "current", "reached"),
    [
        (0, -1, -1),
        (1, 0, 0),
        (2, 1, 1),
        (3, 2, 2),
        (4, 3, 2),
        (5, 3, 3),
        (6, 4, 4),
        (7, 5, 5),
        (8, 6, 6),
        (9, -1, -1),
        (65_535, -1, -1),
    ],
)
def test_wire_numbers_become_plan_indices(seq: int, current: int, reached: int) -> None:
    """Of an item that takes two on the wire, only the second is the item reached."""
    plan = written(ARDUPILOT.wording)
    assert (plan.plan_index(seq), plan.reached_index(seq)) == (current, reached)


def test_fence_vertices_carry_their_number_and_exclusions_their_own() -> None:
    fence = written(ARDUPILOT.wording).fence
    assert [(item.command, item.params[0]) for item in fence] == [(5001, 4.0)] * 4 + [(5002, 3.0)] * 3


def test_a_circle_of_a_fence_is_one_item_with_its_radius() -> None:
    circles = Fence(Circle(HOME, 800.0), (RING[:3], Circle(FRAME.to_latlon(50, 50), 12.5)))
    for traits in (ARDUPILOT, PX4):
        fence = written(traits.wording, replace(PLAN, fence=circles)).fence
        assert [(item.command, item.params[0]) for item in fence] == [(5003, 800.0), *[(5002, 3.0)] * 3, (5004, 12.5)]
        assert (fence[0].x, fence[0].y) == (303_900_000, 1_198_400_000)


@pytest.mark.parametrize("traits", [ARDUPILOT, PX4], ids=["ardupilot", "px4"])
@pytest.mark.parametrize("index", range(len(ITEMS)))
def test_every_kind_of_item_is_one_of_those_the_autopilot_keeps(index: int, traits: Any) -> None:
    plan = written(traits.wording)
    for number, item in enumerate(plan.mission):
        if plan.index_of[number] == index:
            assert Cmd(item.command) in traits.wording.kept


WAYPOINT = ITEMS[3]
BAD = {
    "latitude": replace(WAYPOINT, place=LatLon(95.0, 119.84)),
    "longitude": replace(WAYPOINT, place=LatLon(30.0, 181.0)),
    "nowhere": replace(WAYPOINT, place=LatLon(0.0, 0.0)),
    "another continent": replace(WAYPOINT, place=LatLon(48.0, 8.0)),
    "nan": replace(WAYPOINT, alt_rel_m=math.nan),
    "nan yaw": replace(WAYPOINT, heading_deg=math.nan),
    "infinite place": replace(WAYPOINT, place=LatLon(math.inf, 119.0)),
    "deep": replace(WAYPOINT, alt_rel_m=-501.0),
    "space": replace(WAYPOINT, alt_rel_m=1e9),
    "no place": replace(WAYPOINT, place=None),
    "no altitude": replace(WAYPOINT, alt_rel_m=None),
    "no speed": PlanItem(ItemKind.CHANGE_SPEED),
    "no pitch": PlanItem(ItemKind.POINT_CAMERA),
    "down": PlanItem(ItemKind.TAKEOFF, alt_rel_m=-10.0),
}


@pytest.mark.parametrize("name", list(BAD))
def test_what_autopilots_accept_blindly_is_refused_here_and_named(name: str) -> None:
    plan = replace(PLAN, items=(ITEMS[0], BAD[name], ITEMS[-1]))
    result = write_plan(plan, ARDUPILOT.wording, HOME)
    assert isinstance(result, Refused)
    assert result.code == "mission.invalid"
    assert result.words.startswith(f"item 1 ({BAD[name].kind.value})")


@pytest.mark.parametrize("items", [(), ITEMS[1:]])
def test_a_plan_begins_with_a_take_off(items: tuple[PlanItem, ...]) -> None:
    assert isinstance(write_plan(replace(PLAN, items=items), ARDUPILOT.wording, HOME), Refused)
