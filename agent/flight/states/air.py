"""States in which the drone flies and the nest is heard."""

import asyncio
import math
from contextlib import suppress

from agent.core.errors import LinkError
from agent.core.geo import LatLon, distance_m
from agent.core.outcome import Accepted, Outcome, Refused
from agent.domain.mission import ItemKind, RallyPoint
from agent.domain.nest_state import ClampState, DronePresence, LidState
from agent.domain.telemetry import FlightMode
from agent.flight.context import FlightContext
from agent.flight.gimbal_watch import last_pitch_deg
from agent.flight.situation import Situation
from agent.flight.states.investigating import look_due
from agent.flight.states.landing import HOMEWARD, Motors, stands, where
from agent.flight.table import Event, State
from agent.routes.checks import check_path, check_target

_OVER_PAD_M = 6.0
_REPEAT_S = 5.0  # an order that had no effect is given again after this
_SINKS_M_S, _STILL_M_S = 0.3, 1.0
_SINKS_ELSEWHERE_S = 3.0  # a return that comes down so long somewhere else than it should is taken over
_PITCH_NEAR_DEG, _TURNS_S, _LOOKS_MOST = 5.0, 3.0, 5
_FOREIGN = frozenset({FlightMode.MANUAL, FlightMode.UNKNOWN})


async def patrolling(ctx: FlightContext) -> Event:
    """Supervises the mission until the route is done or something is wrong."""
    flight = ctx.flight
    if flight is None or flight.plan is None:
        return Event.FAILED
    if flight.airborne_at_s is None:  # adopted in the air
        flight.airborne_at_s = ctx.now_s
    ctx.expect(FlightMode.MISSION)
    ctx.eyes.watch(flight.id)
    last = len(flight.plan.items) - 1
    ends = next((n for n, item in enumerate(flight.plan.items) if item.kind is ItemKind.RETURN), last)
    async for situation in ctx.ticks():
        ctx.update_points(situation)
        mission = situation.telemetry.mission
        if situation.down:
            ctx.note("flight.landed_early", "the drone is down in the middle of the route")
            return Event.AUTOPILOT_LANDS
        if mission is not None and (mission.complete or mission.current >= ends):
            return Event.ROUTE_DONE
        if (found := ctx.finding(State.PATROLLING, situation)) is not None:
            return found.event
        if (sighting := look_due(ctx, situation)) is not None:
            flight.looks.now = sighting
            return Event.SUSPECT
    return Event.FAILED


async def returning(ctx: FlightContext) -> Event:
    """Brings the drone home by the autopilot's own return mode; makes sure that the nest is open for it."""
    ctx.expect(FlightMode.RETURN, FlightMode.LAND)
    await _order_return(ctx)
    opening = asyncio.create_task(_pad_open(ctx))  # a lid takes a minute, and the flight is watched meanwhile
    looking = asyncio.create_task(_look_down(ctx))
    try:
        return await _come_home(ctx, opening, looking)
    finally:
        for task in (opening, looking):
            task.cancel()
        await asyncio.gather(opening, looking, return_exceptions=True)


async def _look_down(ctx: FlightContext) -> None:
    """Keeps the camera at the route's last angle on the way home.

    PX4 turns it to neutral a quarter of a second after its mission has ended, and takes it from whoever has it: so it is asked
    again. A gimbal that does not obey is let alone.
    """
    ordered_s, orders = -math.inf, 0
    outcome: Outcome = Accepted()
    async for situation in ctx.ticks():
        flight, gimbal = ctx.flight, situation.telemetry.gimbal
        if situation.mode not in HOMEWARD or flight is None or flight.plan is None or gimbal is None:
            continue
        pitch_deg = last_pitch_deg(flight.plan, situation)
        looks = pitch_deg is None or abs(gimbal.pitch_deg - pitch_deg) <= _PITCH_NEAR_DEG
        if pitch_deg is None or looks or ctx.now_s - ordered_s < _TURNS_S:
            continue
        if orders == _LOOKS_MOST or (isinstance(outcome, Refused) and outcome.code == "gimbal.taken"):
            break
        with suppress(LinkError):  # the failsafes see to a lost link
            outcome = await ctx.vehicle.look_ahead(pitch_deg)
        ordered_s, orders = ctx.now_s, orders + 1
    if isinstance(outcome, Refused):
        ctx.note(outcome.code, outcome.words)


async def _come_home(ctx: FlightContext, opening: asyncio.Task[bool], looking: asyncio.Task[None]) -> Event:
    ordered_s = ctx.now_s
    async for situation in ctx.ticks():
        if (found := ctx.finding(State.RETURNING, situation)) is not None:
            return found.event
        if looking.done():
            looking.result()  # raises what went wrong
        distance = situation.pad_distance_m(ctx.pad)
        homeward = situation.mode in HOMEWARD
        over_pad = homeward and opening.done() and distance is not None and distance < _OVER_PAD_M
        if opening.done() and not opening.result() and not situation.down:
            return Event.NO_PAD
        if situation.down or over_pad or stands(situation):
            return Event.OVER_PAD
        if ctx.now_s - ordered_s > _REPEAT_S and not homeward and situation.mode in ctx.commanded:
            await _order_return(ctx)
            ordered_s = ctx.now_s
    return Event.FAILED


async def _order_return(ctx: FlightContext) -> None:
    situation = ctx.look()
    if situation.down or situation.mode in HOMEWARD or situation.mode in _FOREIGN:
        return  # on its way, or in a pilot's hands
    outcome = await ctx.vehicle.return_home()
    if isinstance(outcome, Refused):
        ctx.note(outcome.code, outcome.words)


async def _pad_open(ctx: FlightContext) -> bool:
    """Whether the drone can land on its pad; opens the lid if it is not open."""
    if _open_known(ctx):
        return True
    outcome = await ctx.station.open_for_landing(ctx.presence)
    if not isinstance(outcome, Refused):
        return True
    ctx.note(outcome.code, outcome.words)
    return _open_known(ctx)


def _open_known(ctx: FlightContext) -> bool:
    """The lid stays open during a flight; a dock that fell silent with an open lid still has an open lid."""
    dock = ctx.last_dock
    return dock is not None and dock.lid is LidState.OPEN and dock.clamps is ClampState.RELEASED


async def diverting(ctx: FlightContext) -> Event:
    """Lands at the nearest rally point; where there is none, where it is."""
    ctx.expect(FlightMode.GUIDED, FlightMode.LAND, FlightMode.HOLD)
    rally = nearest_rally(ctx, ctx.look())
    event = None if rally is None else await _fly_to(ctx, rally)
    return event or await _land(ctx, rally)


async def _fly_to(ctx: FlightContext, rally: RallyPoint) -> Event | None:
    """Flies to a rally point. None when it is there, or when it must or does land before."""
    by_itself = await _sent_by_return(ctx, rally)
    ordered_s, under_way, sinks_since_s = -math.inf, by_itself, math.inf
    async for situation in ctx.ticks(ctx.config.flight.flight_time_max_s):
        if situation.down:
            return _came_down(ctx)
        if (found := ctx.finding(State.DIVERTING, situation)) is not None:
            return found.event
        if situation.mode is FlightMode.LAND or stands(situation):
            return None  # the autopilot lands; a drone on the ground is not sent up again
        if (distance := _distance_m(situation, rally.place)) is not None and distance < _OVER_PAD_M:
            return None
        sinks_since_s = min(sinks_since_s, ctx.now_s) if situation.mode is FlightMode.RETURN and _sinks(situation) else math.inf
        if ctx.now_s - sinks_since_s > _SINKS_ELSEWHERE_S:
            ctx.note("vehicle.no_rally", f"its return sinks {distance or 0.0:.0f} m from the rally point")
            under_way, sinks_since_s = False, math.inf
        if not under_way and ctx.now_s - ordered_s > _REPEAT_S and situation.mode in ctx.commanded:
            outcome = await ctx.vehicle.land_at(rally.place, rally.alt_rel_m)
            ordered_s, under_way = ctx.now_s, not isinstance(outcome, Refused)
            if isinstance(outcome, Refused):
                ctx.note(outcome.code, outcome.words)
    return None


async def _sent_by_return(ctx: FlightContext, rally: RallyPoint) -> bool:
    """Whether the autopilot's own return goes to the rally point, which it does to the end if the nest dies."""
    situation = ctx.look()
    if situation.mode not in ctx.commanded | {FlightMode.RETURN} or situation.mode is FlightMode.LAND or stands(situation):
        return False
    outcome = await ctx.vehicle.return_to_rally(rally)
    if isinstance(outcome, Refused):
        ctx.note(outcome.code, outcome.words)
        return False
    ctx.commanded |= {FlightMode.RETURN}
    return True


def _sinks(situation: Situation) -> bool:
    """Whether it comes straight down."""
    position = situation.telemetry.position
    if position is None:
        return False
    north, east, down = position.velocity_ned_m_s
    return down > _SINKS_M_S and math.hypot(north, east) < _STILL_M_S


async def _land(ctx: FlightContext, rally: RallyPoint | None) -> Event:
    """Lands at the rally point; without one, where it is."""
    ordered_s, motors = -math.inf, Motors(ctx)
    async for situation in ctx.ticks(ctx.config.flight.landing_timeout_s):
        if situation.down:
            return _came_down(ctx)
        if (found := ctx.finding(State.DIVERTING, situation)) is not None:
            return found.event
        ours = situation.mode is not FlightMode.LAND and situation.mode in ctx.commanded
        if ours and not stands(situation) and ctx.now_s - ordered_s > _REPEAT_S:
            land = ctx.vehicle.land_here() if rally is None else ctx.vehicle.land_at(rally.place, rally.alt_rel_m)
            outcome = await land
            ordered_s = ctx.now_s
            if isinstance(outcome, Refused):
                ctx.note(outcome.code, outcome.words)
        await motors.stop_if_it_stands(situation)
    return Event.FAILED


def _came_down(ctx: FlightContext) -> Event:
    if ctx.presence() is DronePresence.ON_PAD:
        return Event.DOWN
    ctx.note("flight.down_elsewhere", where(ctx, ctx.look()))
    return Event.DOWN_ELSEWHERE


def nearest_rally(ctx: FlightContext, situation: Situation) -> RallyPoint | None:
    """The nearest rally point with a straight way inside the fence; None where there is none or the position is unknown."""
    position = situation.telemetry.position
    if position is None:
        return None
    fence = ctx.site.fence
    usable = [
        r
        for r in ctx.site.rally
        if check_target(r.place, r.alt_rel_m, fence, 0.0) is None and not check_path(position.place, r.place, fence)
    ]
    return min(usable, key=lambda r: distance_m(r.place, position.place), default=None)


def _distance_m(situation: Situation, place: LatLon) -> float | None:
    position = situation.telemetry.position
    return None if position is None else distance_m(position.place, place)


async def hands_off(ctx: FlightContext) -> Event:
    """A pilot flies. The nest gives no order; it watches until the drone is down or sent home."""
    async for situation in ctx.ticks():
        if situation.down or situation.mode is FlightMode.LAND:
            return Event.AUTOPILOT_LANDS  # the landing state says where
        if situation.mode is FlightMode.RETURN:
            return Event.RELEASED
        if (found := ctx.finding(State.HANDS_OFF, situation)) is not None:
            return found.event
    return Event.FAILED
