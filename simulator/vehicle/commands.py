"""COMMAND_LONG and COMMAND_INT: one row a command, its handler and where its place is.

Both wire forms become one :class:`Order`. Flight and mission commands are here; payload and housekeeping in ``housekeeping``.
Knows the autopilot; answers with MAV_RESULT.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from agent.core.geo import LatLon
from simulator.vehicle.mission_items import RELATIVE, RELATIVE_INT, TERRAIN, TERRAIN_INT
from simulator.vehicle.modes import AUTO, GUIDED, LAND, RTL, Guided
from simulator.vehicle.trajectory import Vector
from simulator.vehicle.wire import mavlink

if TYPE_CHECKING:
    from simulator.vehicle.autopilot import Autopilot
    from simulator.vehicle.channel import Channel

ACCEPTED: Final = int(mavlink.MAV_RESULT_ACCEPTED)
DENIED: Final = int(mavlink.MAV_RESULT_DENIED)
FAILED: Final = int(mavlink.MAV_RESULT_FAILED)
UNSUPPORTED: Final = int(mavlink.MAV_RESULT_UNSUPPORTED)

FORCE_MAGIC: Final = 21196.0  # param2 of ARM_DISARM that skips the checks
_REPOSITION_CHANGES_MODE: Final = 1
_YAW_RELATIVE: Final = 1


@dataclass(frozen=True, slots=True)
class Order:
    """A command, whichever way it came.

    Attributes:
        command: MAV_CMD.
        params: param1..param4.
        lat_deg: param5 or x; NaN when not given.
        lon_deg: param6 or y.
        alt_m: param7 or z, in the frame.
        frame: MAV_FRAME; COMMAND_LONG means above home.
        channel: the link it came from, None for a mission item.
        source: system and component of the sender.
    """

    command: int
    params: tuple[float, float, float, float]
    lat_deg: float
    lon_deg: float
    alt_m: float
    frame: int
    channel: "Channel | None" = None
    source: tuple[int, int] = (0, 0)


Handler = Callable[["Autopilot", Order], int]


def place_of(ap: "Autopilot", order: Order) -> Vector | None:
    """The order's place in local metres; None when it is no place on earth. 0/0 or NaN is here."""
    craft, here = ap.craft, ap.craft.position()
    given = math.isfinite(order.lat_deg) and math.isfinite(order.lon_deg) and (order.lat_deg != 0 or order.lon_deg != 0)
    if given and (abs(order.lat_deg) > 90.0 or abs(order.lon_deg) > 180.0):
        return None
    place = craft.vector_of(LatLon(order.lat_deg, order.lon_deg), craft.place.alt_amsl_m) if given else here
    if not math.isfinite(order.alt_m):
        return (place[0], place[1], here[2])
    if order.frame in (RELATIVE, RELATIVE_INT):
        return (place[0], place[1], craft.home_up_m + order.alt_m)
    if order.frame in (TERRAIN, TERRAIN_INT):
        return (place[0], place[1], craft.ground_up_at(place) + order.alt_m)
    return (place[0], place[1], order.alt_m - craft.place.alt_amsl_m)


# -- flight ----------------------------------------------------------------------------------------------------------------


def arm_disarm(ap: "Autopilot", order: Order) -> int:
    """COMPONENT_ARM_DISARM."""
    forced = order.params[1] == FORCE_MAGIC
    if order.params[0] == 1.0:
        return ACCEPTED if ap.craft.armed or ap.arm(forced=forced) else FAILED
    if order.params[0] == 0.0:
        return ACCEPTED if ap.disarm(forced=forced) else FAILED
    return UNSUPPORTED


def set_mode(ap: "Autopilot", order: Order) -> int:
    """DO_SET_MODE."""
    if not int(order.params[0]) & mavlink.MAV_MODE_FLAG_CUSTOM_MODE_ENABLED:
        return DENIED
    return ACCEPTED if ap.set_mode(int(order.params[1]), "GCS command") else FAILED


def take_off(ap: "Autopilot", order: Order) -> int:
    """NAV_TAKEOFF: in GUIDED, armed and on the ground only."""
    guided = ap.behaviour
    if not isinstance(guided, Guided) or not ap.craft.armed or not ap.craft.landed or not order.alt_m > 0:
        return FAILED
    guided.take_off(ap.craft.home_up_m + order.alt_m)
    return ACCEPTED


def land(ap: "Autopilot", order: Order) -> int:
    """NAV_LAND."""
    del order
    return ACCEPTED if ap.set_mode(LAND, "GCS command") else FAILED


def return_to_launch(ap: "Autopilot", order: Order) -> int:
    """NAV_RETURN_TO_LAUNCH."""
    del order
    return ACCEPTED if ap.set_mode(RTL, "GCS command") else FAILED


def reposition(ap: "Autopilot", order: Order) -> int:
    """DO_REPOSITION: outside the fence FAILED, a place that is none DENIED."""
    place = place_of(ap, order)
    if place is None or not (math.isfinite(order.lat_deg) and math.isfinite(order.lon_deg)):
        return DENIED
    if ap.mode.number != GUIDED and not int(order.params[1]) & _REPOSITION_CHANGES_MODE:
        return DENIED
    if ap.fence.breaches(place):
        return FAILED
    if ap.mode.number != GUIDED and not ap.set_mode(GUIDED, "GCS command"):
        return FAILED
    guided = ap.behaviour
    if not isinstance(guided, Guided):
        return FAILED
    if order.params[0] > 0:
        ap.craft.speed_m_s = order.params[0]
    guided.go(ap.craft, place)
    if math.isfinite(order.params[3]):
        ap.craft.yaw_target, ap.craft.yaw_rate = math.radians(order.params[3]), None
    return ACCEPTED


def change_speed(ap: "Autopilot", order: Order) -> int:
    """DO_CHANGE_SPEED: air or ground speed, climb and descent."""
    kind, speed_m_s = int(order.params[0]), order.params[1]
    if not speed_m_s > 0:
        return FAILED
    if kind in (0, 1):
        ap.craft.speed_m_s = speed_m_s
    elif kind == 2:
        ap.parameters.set("WPNAV_SPEED_UP", speed_m_s * 100.0)
    elif kind == 3:
        ap.parameters.set("WPNAV_SPEED_DN", speed_m_s * 100.0)
    else:
        return FAILED
    return ACCEPTED


def condition_yaw(ap: "Autopilot", order: Order) -> int:
    """CONDITION_YAW: absolute, or relative with a direction."""
    angle_deg, _, direction, relative = order.params
    if relative not in (0.0, 1.0):
        return FAILED
    yaw = math.radians(angle_deg)
    if int(relative) == _YAW_RELATIVE:
        yaw = ap.craft.body.yaw + math.copysign(yaw, direction or 1.0)
    ap.craft.yaw_target, ap.craft.yaw_rate, ap.craft.look_at = math.remainder(yaw, math.tau), None, None
    return ACCEPTED


def set_home(ap: "Autopilot", order: Order) -> int:
    """DO_SET_HOME: here, or a place with altitude AMSL unless the frame says else."""
    if not ap.boot.origin_set:
        return FAILED
    if order.params[0] == 1.0:
        ap.set_home(ap.craft.position())
        return ACCEPTED
    place = place_of(ap, order)
    if place is None or (order.lat_deg == 0 and order.lon_deg == 0):
        return DENIED
    ap.set_home(place)
    return ACCEPTED


def set_roi(ap: "Autopilot", order: Order) -> int:
    """DO_SET_ROI and DO_SET_ROI_LOCATION: nose and gimbal look at a place; 0/0 ends it."""
    if order.lat_deg == 0 and order.lon_deg == 0:
        return clear_roi(ap, order)
    place = place_of(ap, order)
    if place is None:
        return DENIED
    ap.craft.look_at = place
    return ACCEPTED


def clear_roi(ap: "Autopilot", order: Order) -> int:
    """DO_SET_ROI_NONE."""
    del order
    ap.craft.look_at = None
    ap.craft.yaw_target = ap.craft.body.yaw
    ap.gimbal.point(ap.gimbal.pitch_deg, 0.0)
    return ACCEPTED


# -- mission ---------------------------------------------------------------------------------------------------------------


def mission_start(ap: "Autopilot", order: Order) -> int:
    """MISSION_START: AUTO and off; disarmed it is accepted and nothing flies, as measured."""
    del order
    if ap.mode.number != AUTO and not ap.set_mode(AUTO, "GCS command"):
        return FAILED
    if ap.craft.armed:
        ap.auto_armed = True
    return ACCEPTED


def pause_continue(ap: "Autopilot", order: Order) -> int:
    """DO_PAUSE_CONTINUE: in AUTO, and in GUIDED as a stop."""
    if ap.mode.number == AUTO and not ap.run.complete:
        if order.params[0] == 0.0:
            ap.run.pause()
        elif order.params[0] == 1.0:
            ap.run.resume()
        else:
            return FAILED
        return ACCEPTED
    if isinstance(ap.behaviour, Guided) and order.params[0] in (0.0, 1.0):
        ap.behaviour.pause(ap.craft, paused=order.params[0] == 0.0)
        return ACCEPTED
    return FAILED


def set_mission_current(ap: "Autopilot", order: Order) -> int:
    """DO_SET_MISSION_CURRENT: past the end DENIED; -1 leaves the index, param2 1 resets."""
    reset = order.params[1] == 1.0
    index = int(order.params[0])
    if index == -1:
        index = 1 if reset else ap.run.index
    done = ap.run.set_current(index, reset=reset, running=ap.mode.number == AUTO)
    if done:
        ap.emit_report(mavlink.MAVLINK_MSG_ID_MISSION_CURRENT)
    return ACCEPTED if done else DENIED


FLIGHT: Final[dict[int, Handler]] = {
    mavlink.MAV_CMD_COMPONENT_ARM_DISARM: arm_disarm,
    mavlink.MAV_CMD_DO_SET_MODE: set_mode,
    mavlink.MAV_CMD_NAV_TAKEOFF: take_off,
    mavlink.MAV_CMD_NAV_LAND: land,
    mavlink.MAV_CMD_NAV_RETURN_TO_LAUNCH: return_to_launch,
    mavlink.MAV_CMD_DO_REPOSITION: reposition,
    mavlink.MAV_CMD_DO_CHANGE_SPEED: change_speed,
    mavlink.MAV_CMD_CONDITION_YAW: condition_yaw,
    mavlink.MAV_CMD_DO_SET_HOME: set_home,
    mavlink.MAV_CMD_DO_SET_ROI: set_roi,
    mavlink.MAV_CMD_DO_SET_ROI_LOCATION: set_roi,
    mavlink.MAV_CMD_DO_SET_ROI_NONE: clear_roi,
    mavlink.MAV_CMD_MISSION_START: mission_start,
    mavlink.MAV_CMD_DO_PAUSE_CONTINUE: pause_continue,
    mavlink.MAV_CMD_DO_SET_MISSION_CURRENT: set_mission_current,
}

__all__ = ["ACCEPTED", "DENIED", "FAILED", "FLIGHT", "UNSUPPORTED", "Handler", "Order"]
