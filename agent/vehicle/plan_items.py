"""From plan items to what goes over the wire, and which wire item belongs to which plan item.

The rules that are common to all autopilots; where they differ, :class:`Wording` says how. Knows nothing of links.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from agent.core.geo import Circle, LatLon, distance_m
from agent.core.outcome import Refused
from agent.domain.mission import Fence, FenceArea, FlightPlan, ItemKind, PlanItem, RallyPoint
from agent.mavlink.enums import Cmd, Frame, MountMode
from agent.mavlink.items import WireItem, item_at, item_plain

_ALT_LEAST_M, _ALT_MOST_M = -500.0, 1000.0  # against home; a mountain nest may fly below itself
_REACH_MOST_M = 50_000.0  # farther from home it is a mistake, and ArduPilot would fly there
_INCLUSION = (Cmd.NAV_FENCE_POLYGON_VERTEX_INCLUSION, Cmd.NAV_FENCE_CIRCLE_INCLUSION)
_EXCLUSION = (Cmd.NAV_FENCE_POLYGON_VERTEX_EXCLUSION, Cmd.NAV_FENCE_CIRCLE_EXCLUSION)
_CURRENT_ALTITUDE_FRAME = Frame.GLOBAL_RELATIVE_ALT


_TURNED_HOLD_S = 1
"""Least hold where a waypoint wants a heading: PX4 1.18 flew past such a fly-through point and on along the line."""


@dataclass(frozen=True, slots=True)
class Wording:
    """How an autopilot wants a plan to be written.

    Attributes:
        home_first: whether wire item 0 is home and the plan begins at 1.
        takeoff_place: whether the take-off item needs a place.
        yaw_in_waypoint: whether a waypoint keeps its heading; else CONDITION_YAW is put before it.
        kept: which parameters (1 to 7) are stored per command, for the comparison.
        rally_on_board: whether the autopilot is given the rally points. Where its own return would go to a nearer one, and
            no parameter forbids that, it is given none: alone, it comes home to the pad. The nest's diversions need none.
    """

    home_first: bool
    takeoff_place: bool
    yaw_in_waypoint: bool
    kept: Mapping[Cmd, frozenset[int]]
    rally_on_board: bool = True


@dataclass(frozen=True, slots=True)
class WirePlan:
    """A plan as it goes over the wire.

    Attributes:
        mission: items in order.
        fence: polygon vertices and circles.
        rally: rally points.
        index_of: plan index of each mission item; -1 for home.
        begins: first mission item of each plan item.
        own: mission items at the front that are the autopilot's own and are not compared.
    """

    mission: tuple[WireItem, ...]
    fence: tuple[WireItem, ...]
    rally: tuple[WireItem, ...]
    index_of: tuple[int, ...]
    begins: tuple[int, ...]
    own: int

    def plan_index(self, seq: int) -> int:
        """The plan item to which a wire item belongs; -1 before the first."""
        return self.index_of[seq] if 0 <= seq < len(self.index_of) else -1

    def reached_index(self, seq: int) -> int:
        """The last plan item that is done with when this wire item is reached."""
        index = self.plan_index(seq)
        last_of_item = index == -1 or seq + 1 >= len(self.index_of) or self.index_of[seq + 1] != index
        return index if last_of_item else index - 1


def write_plan(plan: FlightPlan, wording: Wording, home: LatLon | None) -> WirePlan | Refused:
    """The plan in an autopilot's words, or why it cannot be flown. home is where the drone stands; None if unknown."""
    for number, item in enumerate(plan.items):
        fault = _fault(item, home)
        if fault:
            return Refused("mission.invalid", f"item {number} ({item.kind.value}): {fault}")
    if not plan.items or plan.items[0].kind is not ItemKind.TAKEOFF:
        return Refused("mission.invalid", "the plan does not begin with a take-off")
    if wording.takeoff_place and home is None:
        return Refused("mission.invalid", "the home position is not known yet")
    mission: list[WireItem] = []
    index_of: list[int] = []
    begins: list[int] = []
    if wording.home_first:
        mission.append(item_at(Cmd.NAV_WAYPOINT, LatLon(0.0, 0.0), 0.0, Frame.GLOBAL, (), frozenset()))
        index_of.append(-1)
    for number, item in enumerate(plan.items):
        begins.append(len(mission))
        written = _WRITERS[item.kind](item, wording, home)
        mission += written
        index_of += [number] * len(written)
    return WirePlan(
        tuple(mission),
        write_fence(plan.fence),
        write_rally(plan.rally if wording.rally_on_board else ()),
        tuple(index_of),
        tuple(begins),
        int(wording.home_first),
    )


def write_fence(fence: Fence) -> tuple[WireItem, ...]:
    """Inclusion and exclusions. A polygon is one item per vertex, each with the number of vertices; a circle is one item."""
    areas = [(_INCLUSION, fence.inclusion), *((_EXCLUSION, area) for area in fence.exclusions)]
    return tuple(item for commands, area in areas for item in _write_area(commands, area))


def _write_area(commands: tuple[Cmd, Cmd], area: FenceArea) -> list[WireItem]:
    vertex, circle = commands
    kept = frozenset({1, 5, 6})
    if isinstance(area, Circle):
        return [item_at(circle, area.centre, 0.0, Frame.GLOBAL, (area.radius_m,), kept)]
    return [item_at(vertex, place, 0.0, Frame.GLOBAL, (float(len(area)),), kept) for place in area]


def write_rally(points: tuple[RallyPoint, ...]) -> tuple[WireItem, ...]:
    """Rally points."""
    kept = frozenset({5, 6, 7})
    return tuple(
        item_at(Cmd.NAV_RALLY_POINT, point.place, point.alt_rel_m, Frame.GLOBAL_RELATIVE_ALT, (), kept) for point in points
    )


def _fault(item: PlanItem, home: LatLon | None) -> str | None:
    """What is wrong with an item. Autopilots accept nearly anything, so this is where nonsense stops."""
    numbers = (item.alt_rel_m, item.hold_s, item.heading_deg, item.speed_m_s, item.camera_pitch_deg, *(item.place or ()))
    if not all(math.isfinite(number) for number in numbers if number is not None):
        return "a value is not a number"
    for needed, name in _NEEDED[item.kind]:
        if needed(item) is None:
            return f"{name} is missing"
    if item.alt_rel_m is not None and not _ALT_LEAST_M <= item.alt_rel_m <= _ALT_MOST_M:
        return f"altitude {item.alt_rel_m:g} m is outside {_ALT_LEAST_M:g} .. {_ALT_MOST_M:g} m over home"
    if item.kind is ItemKind.TAKEOFF and (item.alt_rel_m or 0.0) <= 0.0:
        return f"take-off to {item.alt_rel_m:g} m"
    return _fault_of_place(item.place, home) if item.place is not None else None


def _fault_of_place(place: LatLon, home: LatLon | None) -> str | None:
    if not (-90.0 <= place.lat_deg <= 90.0 and -180.0 <= place.lon_deg <= 180.0):
        return f"{place.lat_deg:g}, {place.lon_deg:g} is no place on earth"
    if place == LatLon(0.0, 0.0):
        return "place 0, 0 means that it was not set"
    far_m = distance_m(place, home) if home is not None else 0.0
    return f"{far_m / 1000:.0f} km from home" if far_m > _REACH_MOST_M else None


_NEEDED: Mapping[ItemKind, tuple[tuple[Callable[[PlanItem], object], str], ...]] = {
    ItemKind.TAKEOFF: ((lambda i: i.alt_rel_m, "altitude"),),
    ItemKind.WAYPOINT: ((lambda i: i.place, "place"), (lambda i: i.alt_rel_m, "altitude")),
    ItemKind.CHANGE_SPEED: ((lambda i: i.speed_m_s, "speed"),),
    ItemKind.POINT_CAMERA: ((lambda i: i.camera_pitch_deg, "camera pitch"),),
    ItemKind.CAPTURE: (),
    ItemKind.RETURN: (),
}


def _takeoff(item: PlanItem, wording: Wording, home: LatLon | None) -> list[WireItem]:
    kept = wording.kept[Cmd.NAV_TAKEOFF]
    place = home if wording.takeoff_place and home is not None else LatLon(0.0, 0.0)
    yaw = math.nan if wording.yaw_in_waypoint else 0.0
    return [item_at(Cmd.NAV_TAKEOFF, place, item.alt_rel_m or 0.0, _CURRENT_ALTITUDE_FRAME, (0.0, 0.0, 0.0, yaw), kept)]


def _waypoint(item: PlanItem, wording: Wording, _: LatLon | None) -> list[WireItem]:
    """A waypoint; the hold in whole seconds, since ArduPilot keeps no fractions."""
    assert item.place is not None  # noqa: S101 _fault() has seen to it
    yaw, hold_s = 0.0, math.ceil(item.hold_s)
    if wording.yaw_in_waypoint:
        yaw = math.nan if item.heading_deg is None else item.heading_deg
        hold_s = hold_s if item.heading_deg is None else max(hold_s, _TURNED_HOLD_S)
    params = (float(hold_s), 0.0, 0.0, yaw)
    kept = wording.kept[Cmd.NAV_WAYPOINT]
    waypoint = item_at(Cmd.NAV_WAYPOINT, item.place, item.alt_rel_m or 0.0, _CURRENT_ALTITUDE_FRAME, params, kept)
    if item.heading_deg is None or wording.yaw_in_waypoint:
        return [waypoint]
    # Before the waypoint: ArduCopter turns on the way there and keeps the heading until the next waypoint begins.
    turn = item_plain(Cmd.CONDITION_YAW, (item.heading_deg % 360.0, 0.0, 0.0, 0.0), wording.kept[Cmd.CONDITION_YAW])
    return [turn, waypoint]


def _change_speed(item: PlanItem, wording: Wording, _: LatLon | None) -> list[WireItem]:
    ground_speed, no_throttle = 1.0, -1.0
    params = (ground_speed, item.speed_m_s or 0.0, no_throttle)
    return [item_plain(Cmd.DO_CHANGE_SPEED, params, wording.kept[Cmd.DO_CHANGE_SPEED])]


def _point_camera(item: PlanItem, wording: Wording, _: LatLon | None) -> list[WireItem]:
    params = (item.camera_pitch_deg or 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, float(MountMode.MAVLINK_TARGETING))
    return [item_plain(Cmd.DO_MOUNT_CONTROL, params, wording.kept[Cmd.DO_MOUNT_CONTROL])]


def _capture(_item: PlanItem, wording: Wording, _: LatLon | None) -> list[WireItem]:
    one_picture = (0.0, 0.0, 1.0, 0.0)
    return [item_plain(Cmd.IMAGE_START_CAPTURE, one_picture, wording.kept[Cmd.IMAGE_START_CAPTURE])]


def _return(_item: PlanItem, wording: Wording, _: LatLon | None) -> list[WireItem]:
    return [item_plain(Cmd.NAV_RETURN_TO_LAUNCH, (), wording.kept[Cmd.NAV_RETURN_TO_LAUNCH])]


_WRITERS: Mapping[ItemKind, Callable[[PlanItem, Wording, LatLon | None], list[WireItem]]] = {
    ItemKind.TAKEOFF: _takeoff,
    ItemKind.WAYPOINT: _waypoint,
    ItemKind.CHANGE_SPEED: _change_speed,
    ItemKind.POINT_CAMERA: _point_camera,
    ItemKind.CAPTURE: _capture,
    ItemKind.RETURN: _return,
}
