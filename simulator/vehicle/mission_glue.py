"""What the mission's executive needs of the autopilot: home, points to return to, DO items, conditions.

Knows both sides; holds no state of its own.
"""

import math
from typing import TYPE_CHECKING

from simulator.vehicle.commands import Order
from simulator.vehicle.housekeeping import COMMANDS
from simulator.vehicle.mission_items import GLOBAL, Item
from simulator.vehicle.mission_run import Hooks
from simulator.vehicle.trajectory import Vector
from simulator.vehicle.wire import deg_from_e7, e7, mavlink

if TYPE_CHECKING:
    from simulator.vehicle.autopilot import Autopilot

_YAW_REACHED_RAD = math.radians(3.0)


def hooks(ap: "Autopilot") -> Hooks:
    """The executive's callbacks."""
    return Hooks(
        say=lambda words: ap.say(words, mavlink.MAV_SEVERITY_INFO),
        reached=lambda index: ap.emit(mavlink.MAVLink_mission_item_reached_message(index)),
        perform=lambda item: _perform(ap, item),
        condition_met=lambda item, waited_s: _condition_met(ap, item, waited_s),
        return_points=lambda: return_points(ap),
    )


def home_item(ap: "Autopilot") -> Item | None:
    """Home as the mission's item 0; None before home is known."""
    craft = ap.craft
    if craft.home is None:
        return None
    place = craft.latlon_of(craft.home)
    alt_m = round(craft.alt_amsl_m(craft.home), 2)
    return Item(mavlink.MAV_CMD_NAV_WAYPOINT, GLOBAL, (0.0, 0.0, 0.0, 0.0), e7(place.lat_deg), e7(place.lon_deg), alt_m)


def return_points(ap: "Autopilot") -> list[Vector]:
    """Home, and the rally points near enough for RALLY_LIMIT_KM."""
    values, here = ap.parameters, ap.craft.position()
    home = ap.craft.home or (0.0, 0.0, 0.0)
    limit_m = values["RALLY_LIMIT_KM"] * 1000.0
    rally = [ap.run.vector_of(item) for item in ap.store.rally]
    near = [p for p in rally if limit_m <= 0 or math.hypot(p[0] - here[0], p[1] - here[1]) <= limit_m]
    return [*near, home] if values["RALLY_INCL_HOME"] == 1 or not near else near


def _order_of(item: Item) -> Order:
    return Order(item.command, item.params, deg_from_e7(item.lat_e7), deg_from_e7(item.lon_e7), item.alt_m, item.frame)


def _perform(ap: "Autopilot", item: Item) -> None:
    handler = COMMANDS.get(item.command)
    if handler is not None:
        handler(ap, _order_of(item))


def _condition_met(ap: "Autopilot", item: Item, waited_s: float) -> bool:
    craft = ap.craft
    if item.command == mavlink.MAV_CMD_CONDITION_DELAY:
        return waited_s >= item.params[0]
    if item.command == mavlink.MAV_CMD_CONDITION_DISTANCE:
        target, here = ap.target(), craft.position()
        return target is None or math.hypot(target[0] - here[0], target[1] - here[1]) <= item.params[0]
    if waited_s <= 0.02:
        _perform(ap, item)
    return abs(math.remainder(craft.yaw_target - craft.body.yaw, math.tau)) < _YAW_REACHED_RAD
