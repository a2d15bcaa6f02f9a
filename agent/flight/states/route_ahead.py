"""Where a flight's route goes on. Pure."""

from collections.abc import Sequence

from agent.domain.mission import ItemKind, PlanItem
from agent.flight.context import CurrentFlight
from agent.flight.situation import Situation
from agent.routes.energy import Stop


def next_waypoint(flight: CurrentFlight, situation: Situation) -> int | None:
    """The waypoint to which the drone is, or was, on its way; None before the take-off is done and after the last waypoint."""
    mission = situation.telemetry.mission
    if flight.plan is None or mission is None or not situation.in_air:
        return None
    items = flight.plan.items
    if mission.current >= len(items) or items[mission.current].kind is ItemKind.TAKEOFF:
        return None
    return next((n for n in range(mission.current, len(items)) if items[n].kind is ItemKind.WAYPOINT), None)


def waypoints(items: Sequence[PlanItem]) -> list[Stop]:
    """The waypoints among plan items."""
    return [Stop(i.place, i.alt_rel_m or 0.0, i.hold_s) for i in items if i.kind is ItemKind.WAYPOINT and i.place is not None]
