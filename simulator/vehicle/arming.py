"""Why the motors may not be armed: one row a check, with the words of the real autopilot.

Knows the autopilot's state; must not know MAVLink. The same checks run quietly all the time (pre-arm) and aloud when arming.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple

from simulator.vehicle import fence as fences
from simulator.vehicle.mission_items import MISSION
from simulator.vehicle.modes import AUTO
from simulator.vehicle.wire import mavlink

if TYPE_CHECKING:
    from simulator.vehicle.autopilot import Autopilot

REPEAT_S: Final = 30.0
_REQUIRED_ITEMS: Final = {
    1: (mavlink.MAV_CMD_NAV_LAND, "land"),
    8: (mavlink.MAV_CMD_NAV_TAKEOFF, "takeoff"),
    32: (mavlink.MAV_CMD_NAV_RETURN_TO_LAUNCH, "RTL"),
}  # bits of ARMING_MIS_ITEMS


class Check(NamedTuple):
    """One check.

    Attributes:
        bit: of ARMING_CHECK; 0 for a check that cannot be switched off.
        on_arming_only: not part of the pre-arm bit.
        problem: the words, or None when all is well.
    """

    bit: int
    on_arming_only: bool
    problem: Callable[["Autopilot"], str | None]


def _system(ap: "Autopilot") -> str | None:
    return None if ap.boot.ready else "System not initialised"


def _mode(ap: "Autopilot") -> str | None:
    if ap.mode.armable or (ap.mode.number == AUTO and ap.parameters.flag("AUTO_OPTIONS", 1)):
        return None
    return f"{ap.mode.name} mode not armable"


def _mission_present(ap: "Autopilot") -> str | None:
    return "Mode requires mission" if ap.mode.number == AUTO and ap.store.count(MISSION) <= 1 else None


def _position(ap: "Autopilot") -> str | None:
    fence_needs = ap.fence.enabled_types & ~fences.ALT_MAX
    needed = ap.mode.needs_position or fence_needs
    return "Need Position Estimate" if needed and not ap.position_ok else None


def _gps(ap: "Autopilot") -> str | None:
    if not ap.mode.needs_position:
        return None
    return None if ap.craft.sensors.has_fix else "GPS 1: Bad fix"


def _compass(ap: "Autopilot") -> str | None:
    return "Compass not healthy" if ap.parameters["SIM_MAG1_FAIL"] else None


def _ahrs(ap: "Autopilot") -> str | None:
    return None if ap.boot.attitude_ok else "AHRS not healthy"


def _battery(ap: "Autopilot") -> str | None:
    values, battery = ap.parameters, ap.craft.battery
    if values["BATT_ARM_VOLT"] > 0 and battery.volts < values["BATT_ARM_VOLT"]:
        return "Battery 1 below minimum arming voltage"
    left_mah = values["BATT_CAPACITY"] - battery.used_mah
    if values["BATT_ARM_MAH"] > 0 and left_mah < values["BATT_ARM_MAH"]:
        return "Battery 1 below minimum arming capacity"
    for limit, kind in (("CRT", "critical"), ("LOW", "low")):
        if 0 < battery.volts < values[f"BATT_{limit}_VOLT"]:
            return f"Battery 1 {kind} voltage failsafe"
        if left_mah < values[f"BATT_{limit}_MAH"]:
            return f"Battery 1 {kind} capacity failsafe"
    return "Battery failsafe" if ap.failsafes.battery_latched else None


def _fence(ap: "Autopilot") -> str | None:
    if ap.parameters["FENCE_ENABLE"] == 1 and int(ap.parameters["FENCE_TYPE"]) == 0:
        return "Fences enabled, but none selected"
    bits = ap.fence.breaches(ap.craft.position()) if ap.position_ok else 0
    return f"Vehicle breaching {fences.words(bits)} fence" if bits else None


def _mission_items(ap: "Autopilot") -> str | None:
    wanted = int(ap.parameters["ARMING_MIS_ITEMS"])
    have = {item.command for i in range(ap.store.count(MISSION)) if (item := ap.store.item(MISSION, i)) is not None}
    for bit, (command, name) in _REQUIRED_ITEMS.items():
        if wanted & bit and command not in have:
            return f"Missing mission item: {name}"
    return None


def _radio(ap: "Autopilot") -> str | None:
    return "Radio failsafe on" if ap.failsafes.radio_on else None


def _gcs(ap: "Autopilot") -> str | None:
    return "GCS failsafe on" if ap.failsafes.gcs_on else None


def _motors(ap: "Autopilot") -> str | None:
    return "Motors: Check frame class and type" if ap.parameters["FRAME_CLASS"] == 0 else None


CHECKS: Final = (
    Check(0, on_arming_only=False, problem=_system),
    Check(0, on_arming_only=True, problem=_mode),
    Check(0, on_arming_only=True, problem=_mission_present),
    Check(0, on_arming_only=False, problem=_position),
    Check(8, on_arming_only=False, problem=_gps),
    Check(4, on_arming_only=False, problem=_compass),
    Check(16, on_arming_only=False, problem=_ahrs),
    Check(256, on_arming_only=False, problem=_battery),
    Check(0, on_arming_only=False, problem=_fence),
    Check(32768, on_arming_only=False, problem=_mission_items),
    Check(64, on_arming_only=False, problem=_radio),
    Check(0, on_arming_only=True, problem=_gcs),
    Check(0, on_arming_only=False, problem=_motors),
)
_ALL_BIT: Final = 1


def problems(ap: "Autopilot", *, arming: bool) -> list[str]:
    """What stands against arming, in the order of the table; empty when nothing does."""
    chosen = int(ap.parameters["ARMING_CHECK"])
    found = []
    for check in CHECKS:
        if check.on_arming_only and not arming:
            continue
        if check.bit and not chosen & (check.bit | _ALL_BIT):
            continue
        if words := check.problem(ap):
            found.append(words)
    return found
