"""The landing: supervised from over the pad until the drone is down, and where it came down."""

from agent.core.outcome import Refused
from agent.domain.nest_state import DronePresence
from agent.domain.telemetry import FlightMode, LandedState
from agent.flight.context import FlightContext
from agent.flight.situation import Situation
from agent.flight.table import Event, State

HOMEWARD = frozenset({FlightMode.RETURN, FlightMode.LAND})
"""Modes that end on the ground."""
_PLACE_KNOWN_S = 10.0  # after touch-down until pad and drone must agree where it is
_MOTORS_OFF_S = 20.0  # autopilots stop their motors some seconds after touch-down
_LANDINGS_MAX = 3  # one and two go-arounds


async def landing(ctx: FlightContext) -> Event:
    """Supervises the landing and says where the drone came down."""
    ctx.expect(FlightMode.RETURN, FlightMode.LAND)
    down_at_s: float | None = None
    motors = Motors(ctx)
    async for situation in ctx.ticks(ctx.config.flight.landing_timeout_s):
        if situation.down:
            down_at_s = situation.now_s if down_at_s is None else down_at_s
            place = ctx.presence()
            if place is DronePresence.ON_PAD:
                return Event.DOWN
            # A dock that is silent says nothing of the pad: it is given the rest of the time to speak.
            if situation.now_s - down_at_s > _PLACE_KNOWN_S and situation.dock is not None:
                ctx.note("flight.down_elsewhere", where(ctx, situation))
                return Event.DOWN_ELSEWHERE
            continue
        down_at_s = None
        if (found := ctx.finding(State.LANDING, situation)) is not None:
            return found.event
        if situation.mode in ctx.commanded - HOMEWARD and not stands(situation):
            return Event.MISSED  # the order to come home was refused, and it flies on
        await motors.stop_if_itstands(situation)
    if down_at_s is not None:
        ctx.note("flight.down_elsewhere", f"{where(ctx, ctx.look())}; the dock does not say whether it is on the pad")
        return Event.DOWN_ELSEWHERE
    return _missed(ctx)


def _missed(ctx: FlightContext) -> Event:
    if ctx.flight is not None:
        ctx.flight.landings_missed += 1
        if ctx.flight.landings_missed >= _LANDINGS_MAX:
            ctx.note("flight.landing_missed", f"{ctx.flight.landings_missed} landings did not end on the pad")
            return Event.NO_PAD
    return Event.MISSED


def stands(situation: Situation) -> bool:
    """Whether the drone says that it is on the ground while its motors are armed."""
    return situation.telemetry.landed is LandedState.ON_GROUND and situation.telemetry.armed is True


class Motors:
    """Stops motors that go on after a touch-down. The autopilot refuses that in the air."""

    def __init__(self, ctx: FlightContext) -> None:
        self._ctx = ctx
        self._stands_since_s: float | None = None

    async def stop_if_itstands(self, situation: Situation) -> None:
        """To be called on every look. Orders nothing while somebody else flies."""
        if not stands(situation) or situation.mode not in self._ctx.commanded:
            self._stands_since_s = None
        elif self._stands_since_s is None:
            self._stands_since_s = situation.now_s
        elif situation.now_s - self._stands_since_s > _MOTORS_OFF_S:
            self._stands_since_s = situation.now_s
            outcome = await self._ctx.vehicle.disarm()
            if isinstance(outcome, Refused):
                self._ctx.note(outcome.code, outcome.words)


def where(ctx: FlightContext, situation: Situation) -> str:
    """Where the drone is, in words for a report."""
    position = situation.telemetry.position
    distance = situation.pad_distance_m(ctx.pad)
    if position is None or distance is None:
        return "position unknown"
    return f"at {position.place.lat_deg:.6f}, {position.place.lon_deg:.6f}, {distance:.0f} m from the pad"
