"""When the dock may move what: one table, pure.

Each movement has its conditions; the first that does not hold refuses with a code and words. What is unknown or old never
holds. The table keeps two invariants of the flight: nothing moves unless the drone is surely on the pad and disarmed or surely
gone (S3), and the clamps let go only under an open lid with the charger off (S1). Only stopping the lid is always allowed.
"""

from collections.abc import Callable
from dataclasses import dataclass

from agent.core.outcome import Accepted, Outcome, Refused
from agent.domain.nest_state import ClampState, DockState, DronePresence, LidState
from agent.nest.interface import Movement

UPS_CHARGE_MIN = 0.1
"""Least charge (0..1) of the UPS to start a movement without mains: a lid must not stop half-way."""


@dataclass(frozen=True, slots=True)
class Situation:
    """What a movement is judged by. dock is fresh: :func:`judge` has seen to it."""

    dock: DockState
    presence: DronePresence


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that must hold."""

    code: str
    words: str
    holds: Callable[[Situation], bool]


PRESENCE_KNOWN = Condition(
    "dock.presence_unknown",
    "it is not sure whether the drone is on the pad or gone",
    lambda s: s.presence in {DronePresence.ON_PAD, DronePresence.AWAY},
)
PAD_AGREES = Condition(
    "dock.presence_conflict",
    "the pad's sensor and the drone's telemetry disagree about where the drone is",
    lambda s: s.dock.pad_occupied == (s.presence is DronePresence.ON_PAD),
)
ON_PAD = Condition(
    "dock.no_drone",
    "the drone is not on the pad",
    lambda s: s.presence is DronePresence.ON_PAD,
)
NO_EMERGENCY_STOP = Condition("dock.emergency_stop", "the emergency stop is pressed", lambda s: not s.dock.emergency_stop)
DOOR_CLOSED = Condition("dock.door_open", "the maintenance door is open", lambda s: s.dock.door_closed)
POWERED = Condition(
    "dock.no_power",
    f"there is no mains and the UPS is below {UPS_CHARGE_MIN:.0%}",
    lambda s: s.dock.on_mains or s.dock.ups_charge >= UPS_CHARGE_MIN,
)
ON_MAINS = Condition("dock.on_ups", "there is no mains power to charge from", lambda s: s.dock.on_mains)
LID_SURE = Condition("dock.lid_conflict", "the lid's sensors disagree", lambda s: s.dock.lid is not LidState.CONFLICT)
LID_FREE = Condition("dock.lid_jam", "the lid is jammed", lambda s: "dock.lid_jam" not in s.dock.faults)
LID_OPEN = Condition("dock.lid_not_open", "the lid is not fully open", lambda s: s.dock.lid is LidState.OPEN)
CLAMPS_SURE = Condition(
    "dock.clamps_conflict", "the clamps' sensors disagree", lambda s: s.dock.clamps is not ClampState.CONFLICT
)
CLAMPS_STILL = Condition("dock.clamps_moving", "the clamps are moving", lambda s: s.dock.clamps is not ClampState.MOVING)
CLAMPS_HOLD = Condition(
    "dock.clamps_not_engaged",
    "the clamps do not hold the drone",
    lambda s: s.presence is DronePresence.AWAY or s.dock.clamps is ClampState.ENGAGED,
)
CHARGER_OFF = Condition("dock.charger_engaged", "the charger is not surely retracted", lambda s: not s.dock.charger_engaged)

_SURE = (PRESENCE_KNOWN, NO_EMERGENCY_STOP, PAD_AGREES)
_ALWAYS = (*_SURE, POWERED)

INTERLOCKS: dict[Movement, tuple[Condition, ...]] = {
    Movement.LID_OPEN: (*_ALWAYS, DOOR_CLOSED, LID_SURE, LID_FREE, CLAMPS_STILL),
    Movement.LID_CLOSE: (*_ALWAYS, DOOR_CLOSED, LID_SURE, LID_FREE, CLAMPS_STILL, CLAMPS_HOLD),
    Movement.LID_STOP: (),
    Movement.CLAMPS_RELEASE: (*_ALWAYS, CLAMPS_SURE, LID_OPEN, CHARGER_OFF),
    Movement.CLAMPS_ENGAGE: (*_ALWAYS, CLAMPS_SURE, ON_PAD),
    Movement.CHARGER_RETRACT: _ALWAYS,
    Movement.CHARGER_ENGAGE: (*_SURE, ON_MAINS, ON_PAD, CLAMPS_HOLD),
    Movement.RESET: (NO_EMERGENCY_STOP,),
}


def judge(movement: Movement, dock: DockState | None, presence: DronePresence, now_s: float, max_age_s: float) -> Outcome:
    """Whether a movement may be started, or go on, now.

    Args:
        movement: what is wanted.
        dock: the newest reading, None where there is none.
        presence: where the drone surely is.
        now_s: loop time now.
        max_age_s: an older reading counts as none.
    """
    conditions = INTERLOCKS[movement]
    if not conditions:
        return Accepted()
    if dock is None:
        return Refused("dock.unreachable", f"cannot {movement}: the dock does not say how it stands")
    age_s = now_s - dock.at_s
    if not 0.0 <= age_s <= max_age_s:
        return Refused("dock.stale", f"cannot {movement}: the dock's last reading is {age_s:.1f} s old, limit {max_age_s:g} s")
    situation = Situation(dock, presence)
    for condition in conditions:
        if not condition.holds(situation):
            return Refused(condition.code, f"cannot {movement}: {condition.words}")
    return Accepted()
