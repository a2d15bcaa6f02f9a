"""The movements a sequence is made of: what to ask, how long it may take, and by which sensors its end is seen. Pure."""

from collections.abc import Callable
from dataclasses import dataclass

from agent.config.nest import DockSection
from agent.domain.nest_state import ClampState, DockState, LidState
from agent.nest.interface import Movement

CURRENT_SEEN_A = 0.05
"""Charging current that proves the contact; a full battery still draws its trickle."""

Seen = Callable[[DockState], bool]


@dataclass(frozen=True, slots=True)
class Step:
    """One movement of a sequence.

    Attributes:
        movement: what is asked of the dock.
        reached: whether the sensors show its end.
        under_way: whether the sensors show that it runs, so that it need not be asked for again.
        limit_s: longest time it may take.
        timeout_code: what it is called when it takes longer.
        fault_code: the dock's own fault that ends it.
    """

    movement: Movement
    reached: Seen
    under_way: Seen
    limit_s: float
    timeout_code: str
    fault_code: str

    @property
    def moves_lid(self) -> bool:
        """Whether the lid must be stopped when this step is broken off."""
        return self.movement in {Movement.LID_OPEN, Movement.LID_CLOSE}


def ready_for_drone(dock: DockState) -> bool:
    """Lid open by both sensors, clamps released, charger off: invariant S1, and what a landing needs."""
    return dock.lid is LidState.OPEN and dock.clamps is ClampState.RELEASED and not dock.charger_engaged


def charging(dock: DockState) -> bool:
    """The charger is engaged and current flows."""
    return dock.charger_engaged and dock.charging_a >= CURRENT_SEEN_A


def secured(dock: DockState) -> bool:
    """The drone is held, covered and charging."""
    return dock.lid is LidState.CLOSED and dock.clamps is ClampState.ENGAGED and charging(dock)


def closed(dock: DockState) -> bool:
    """The lid is closed by both sensors."""
    return dock.lid is LidState.CLOSED


def opening(config: DockSection) -> tuple[Step, ...]:
    """Charger off, lid open, clamps released: in this order before a launch and before a landing."""
    return (
        Step(
            Movement.CHARGER_RETRACT,
            lambda d: not d.charger_engaged,
            _unseen,
            config.charger_timeout_s,
            "dock.charger_timeout",
            "dock.charger_fault",
        ),
        _lid(config, Movement.LID_OPEN, LidState.OPEN),
        _clamps(config, Movement.CLAMPS_RELEASE, ClampState.RELEASED),
    )


def securing(config: DockSection) -> tuple[Step, ...]:
    """Clamps engaged, lid closed, charger engaged and current seen."""
    return (
        _clamps(config, Movement.CLAMPS_ENGAGE, ClampState.ENGAGED),
        *closing(config),
        Step(Movement.CHARGER_ENGAGE, charging, charging, config.charger_timeout_s, "dock.no_current", "dock.charger_fault"),
    )


def closing(config: DockSection) -> tuple[Step, ...]:
    """The lid alone."""
    return (_lid(config, Movement.LID_CLOSE, LidState.CLOSED),)


def words_of(dock: DockState | None) -> str:
    """How the dock stands, for a refusal's words."""
    if dock is None:
        return "no reading"
    charger = f"charger {'engaged' if dock.charger_engaged else 'off'} {dock.charging_a:.1f} A"
    shown = f"lid {dock.lid}, clamps {dock.clamps}, {charger}"
    return f"{shown}; {', '.join(dock.faults)}" if dock.faults else shown


def _lid(config: DockSection, movement: Movement, end: LidState) -> Step:
    runs: Seen = lambda d: d.lid is LidState.MOVING  # noqa: E731 a column of the table
    return Step(movement, lambda d: d.lid is end, runs, config.lid_timeout_s, "dock.lid_timeout", "dock.lid_jam")


def _clamps(config: DockSection, movement: Movement, end: ClampState) -> Step:
    limit_s = config.clamp_timeout_s
    return Step(movement, lambda d: d.clamps is end, _unseen, limit_s, "dock.clamps_timeout", "dock.clamps_fault")


def _unseen(_dock: DockState) -> bool:
    """No sensor shows that this one runs."""
    return False
