"""Mission, fence and rally items as values, and how an item read back is compared with the one sent."""

import math
from dataclasses import dataclass

from pymavlink.dialects.v20 import ardupilotmega as dialect

from agent.core.geo import LatLon
from agent.mavlink.codec import Body
from agent.mavlink.codec import Frame as WireFrame
from agent.mavlink.enums import Frame, MissionType
from agent.mavlink.link import Link
from agent.mavlink.scale import scaled

_FRAME_FAMILY: dict[int, int] = {Frame.GLOBAL_INT: Frame.GLOBAL, Frame.GLOBAL_RELATIVE_ALT_INT: Frame.GLOBAL_RELATIVE_ALT}
AUTOPILOT_COMPONENT = 1
_PLACE_TOLERANCE_E7 = 2  # an autopilot that stores degrees as float64 may round
_ALT_TOLERANCE_M = 0.02  # ArduPilot stores centimetres
_PARAM_TOLERANCE = 0.01


@dataclass(frozen=True, slots=True)
class WireItem:
    """One MISSION_ITEM_INT.

    Attributes:
        command: MAV_CMD.
        frame: MAV_FRAME.
        params: parameters 1 to 4.
        x: parameter 5: latitude in scaled degrees, or the plain value.
        y: parameter 6: longitude in scaled degrees, or the plain value.
        z: parameter 7: altitude in metres in the frame's datum, or the plain value.
        kept: which parameters (1 to 7) this autopilot stores; the others are not compared.
    """

    command: int
    frame: int
    params: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    x: int = 0
    y: int = 0
    z: float = 0.0
    kept: frozenset[int] = frozenset(range(1, 8))


def item_at(
    command: int, place: LatLon, alt_m: float, frame: Frame, params: tuple[float, ...], kept: frozenset[int]
) -> WireItem:
    """An item with a place; missing parameters are 0."""
    x, y = scaled(place)
    return WireItem(command, frame, _four(params), x, y, alt_m, kept)


def item_plain(command: int, params: tuple[float, ...], kept: frozenset[int], frame: Frame = Frame.MISSION) -> WireItem:
    """An item without a place; up to seven plain parameters, missing ones are 0."""
    x, y, z = (*params[4:], *(0.0,) * (3 - len(params[4:])))
    return WireItem(command, frame, _four(params[:4]), round(x), round(y), z, kept)


def _four(params: tuple[float, ...]) -> tuple[float, float, float, float]:
    one, two, three, four = (*params, *(0.0,) * (4 - len(params)))
    return one, two, three, four


def body_of(item: WireItem, system: int, seq: int, kind: MissionType) -> Body:
    """The message that carries the item."""
    return dialect.MAVLink_mission_item_int_message(
        system, 1, seq, item.frame, item.command, 0, 1, *item.params, item.x, item.y, item.z, kind
    )


def item_of(body: Body) -> WireItem:
    """The item in a MISSION_ITEM_INT."""
    params = (float(body.param1), float(body.param2), float(body.param3), float(body.param4))
    return WireItem(int(body.command), int(body.frame), params, int(body.x), int(body.y), float(body.z))


def meant_for_us(link: Link, frame: WireFrame) -> bool:
    """Whether a message of the mission protocol comes from the autopilot itself and is for us, not for another station."""
    return frame.component == AUTOPILOT_COMPONENT and frame.body.target_system in {0, link.own_system}


def difference(sent: WireItem, read: WireItem) -> str | None:
    """What differs between an item sent and the same read back, in words; None if they mean the same.

    Frames 6 and 3, and 5 and 0, mean the same. NaN reads back as 0 on some autopilots. Only what the autopilot keeps counts.
    """
    if sent.command != read.command:
        return f"command {read.command} instead of {sent.command}"
    has_place = bool({5, 6, 7} & sent.kept) and sent.frame != Frame.MISSION
    if has_place and _family(sent.frame) != _family(read.frame):
        return f"frame {read.frame} instead of {sent.frame}"
    wanted = (*sent.params, sent.x, sent.y, sent.z)
    found = (*read.params, read.x, read.y, read.z)
    for number in sorted(sent.kept):
        one, other = float(wanted[number - 1]), float(found[number - 1])
        if not _equal(one, other, _tolerance(number, place=has_place)):
            return f"parameter {number} is {other:g} instead of {one:g}"
    return None


def _family(frame: int) -> int:
    return _FRAME_FAMILY.get(frame, frame)


def _tolerance(number: int, *, place: bool) -> float:
    if number in {5, 6}:
        return _PLACE_TOLERANCE_E7 if place else 0
    return _ALT_TOLERANCE_M if number == 7 else _PARAM_TOLERANCE


def _equal(one: float, other: float, tolerance: float) -> bool:
    if math.isnan(one):
        return math.isnan(other) or other == 0.0
    return abs(one - other) <= tolerance
