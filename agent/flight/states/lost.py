"""The drone is not heard. The nest listens; the autopilot's own failsafe acts. What is done when it is heard again.

Going on with the route is the exception: the configuration must want it, the drone must have been on its route, nobody but the
autopilot's failsafe may have changed its mode, and everything that would call a patrol home is asked first.
"""

from dataclasses import replace

from agent.core.outcome import Refused
from agent.domain.telemetry import FlightMode
from agent.flight.context import CurrentFlight, FlightContext
from agent.flight.situation import FRESH_S, Situation
from agent.flight.states.route_ahead import next_waypoint, waypoints
from agent.flight.table import Event, State
from agent.routes.checks import check_way
from agent.routes.energy import Stop, route_share

_FOREIGN = frozenset({FlightMode.MANUAL, FlightMode.UNKNOWN})
_LED = frozenset({FlightMode.GUIDED, FlightMode.HOLD})  # somebody led it there; the nest itself, if it had ordered that
_STEADY_S = 5.0  # the link must hold so long before a flight goes on
_RESUMES_MAX = 2  # a link that breaks again and again is no link to fly on
_LANDING_SHARE = 0.8  # of the return height: below it the return has begun to land


async def lost(ctx: FlightContext) -> Event:
    """Listens. The autopilot's own failsafe brings the drone home; the lid stays open for it."""
    async for situation in ctx.ticks(ctx.config.flight.flight_time_max_s):
        if situation.heard_age_s > FRESH_S - 1.0:
            continue
        if (event := _taken(ctx, situation)) is not None:
            return event
        if not _wanted(ctx, situation):
            return Event.LINK_BACK
        if (event := await _steady(ctx, situation)) is not None:
            return event
    return Event.GONE


def _taken(ctx: FlightContext, situation: Situation) -> Event | None:
    """What is out of the nest's hands already."""
    if situation.down or situation.mode is FlightMode.LAND:
        return Event.AUTOPILOT_LANDS  # the landing state says where
    # PX4 holds for some seconds before its failsafe brings it home, and calls its state critical then.
    held = situation.mode in _LED and not situation.autopilot_failsafe and situation.mode not in (ctx.commanded or _LED)
    return Event.PILOT if situation.mode in _FOREIGN or held else None


def _wanted(ctx: FlightContext, situation: Situation) -> bool:
    """Whether the route should go on, as far as policy, mode and the flight's past say."""
    flight, config = ctx.flight, ctx.config.flight
    if flight is None or flight.outcome != "flying" or flight.airborne_at_s is None or flight.resumes >= _RESUMES_MAX:
        return False
    if situation.mode is FlightMode.MISSION:
        return config.resume_after_link_loss or config.on_link_loss == "finish"
    return situation.mode is FlightMode.RETURN and config.resume_after_link_loss


async def _steady(ctx: FlightContext, heard: Situation) -> Event | None:
    """Waits until the link is steady, then goes on or comes home. None when the link broke again."""
    began_s, mode = heard.now_s, heard.mode
    async for situation in ctx.ticks(_STEADY_S):
        if situation.heard_age_s > FRESH_S:
            return None
        if (event := _taken(ctx, situation)) is not None:
            return event
        if situation.mode is not mode:
            return Event.LINK_BACK if situation.mode is FlightMode.RETURN else Event.PILOT
    return await _go_on(ctx, began_s, mode)


async def _go_on(ctx: FlightContext, heard_s: float, mode: FlightMode) -> Event:
    flight, situation = ctx.flight, ctx.look()
    if flight is None:
        return Event.LINK_BACK
    if mode is FlightMode.RETURN and not await _sent_on(ctx, flight, situation, heard_s):
        return Event.LINK_BACK
    flight.resumes += 1
    ctx.note("flight.resumed", f"it was found in mode {mode.value}")
    return Event.ON_ROUTE  # what speaks against flying on a mission that it flies already, the patrol itself finds


async def _sent_on(ctx: FlightContext, flight: CurrentFlight, situation: Situation, heard_s: float) -> bool:
    """Sends a drone that its link failsafe brings home on with its route, if nothing speaks against it."""
    index = next_waypoint(flight, situation)
    if index is None or not ctx.vehicle.link_failsafe_since(heard_s - FRESH_S):
        return False  # nothing is left to fly, or it is not known who sends it home: then it was a person
    if (words := _against(ctx, flight, situation, index)) is not None:
        ctx.note("flight.not_resumed", words)
        return False
    await ctx.vehicle.release_camera()  # it may have been lost during a second look
    outcome = await ctx.vehicle.resume(index)
    if isinstance(outcome, Refused):
        ctx.note(outcome.code, outcome.words)
        return False
    return True


def _against(ctx: FlightContext, flight: CurrentFlight, situation: Situation, index: int) -> str | None:
    """What speaks against going on, in words: what would call a patrol home, the way back to the route, the charge."""
    known, limits = situation.telemetry, ctx.surroundings
    if flight.plan is None or known.position is None or known.battery is None or known.battery.remaining is None:
        return "position or charge is not known"
    if known.position.alt_rel_m < _LANDING_SHARE * ctx.config.flight.return_alt_rel_m:
        return "it has begun to land"
    ctx.commanded = frozenset({FlightMode.MISSION})
    if (found := ctx.would_find(State.PATROLLING, _on_route(situation))) is not None:
        return found.value
    here, rest = Stop(known.position.place, known.position.alt_rel_m), waypoints(flight.plan.items[index:])
    ends = ((here.place, here.alt_rel_m, "here"), (rest[0].place, rest[0].alt_rel_m, "the route"))
    refused = check_way(*ends, limits.fence, limits.pad, limits.terrain, limits.limits)
    if refused is not None:
        return refused.words
    left = known.battery.remaining - route_share(
        ctx.energy, rest, ctx.pad.place, flight.route.speed_m_s, limits.wind, start=here
    )
    reserve = ctx.config.flight.battery_reserve
    return f"predicted charge at the pad {left:.0%}; at least {reserve:.0%} are needed" if left < reserve else None


def _on_route(situation: Situation) -> Situation:
    """The same as if it flew its mission: what the failsafe did to the mode must not count against going on."""
    beat = situation.telemetry.heartbeat
    mission = None if beat is None else replace(beat, mode=FlightMode.MISSION, failsafe=False)
    return replace(situation, telemetry=replace(situation.telemetry, heartbeat=mission))
