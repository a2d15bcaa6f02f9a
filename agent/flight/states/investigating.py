"""The second look: leaves the mission, flies to stations upwind of what was seen, and goes on with the mission.

The geometry is ``standoff``, what is worth it and when it is enough ``second_look``; here is what is done, and in which order.
"""

import asyncio
import math
from collections.abc import Iterator
from itertools import chain, cycle

from agent.core.geo import distance_m
from agent.core.outcome import Outcome, Refused
from agent.domain.mission import FlightPlan
from agent.domain.sighting import Sighting
from agent.domain.telemetry import FlightMode
from agent.flight import second_look
from agent.flight.context import CurrentFlight, FlightContext
from agent.flight.situation import Situation
from agent.flight.standoff import Look, Means, Station, Subject, check_budget, plan_look
from agent.flight.states.route_ahead import next_waypoint, waypoints
from agent.flight.stills import Stills
from agent.flight.table import Event, State
from agent.routes.checks import check_target
from agent.routes.compile import ground_rel_m
from agent.routes.energy import Stop

_AGAIN_S = 10.0  # until a look that was not possible is thought of again: the drone is elsewhere then
_NEAR_M = 8.0
_NEAR_ALT_M = 5.0
_STEADY_M_S = 1.0
_RESUME_TRIES = 3
_RESUME_WAIT_S = 5.0


def look_due(ctx: FlightContext, situation: Situation) -> Sighting | None:
    """What is worth a second look that may be flown now, while the drone is on its route."""
    flight, config, position = ctx.flight, ctx.config.second_look, situation.telemetry.position
    if flight is None or position is None or breakpoint_of(flight, situation) is None:
        return None
    if (flight.on_detection or config.policy) == "report":
        return None
    for sighting in sorted(ctx.eyes.sightings.values(), key=lambda s: -s.confidence):
        if not second_look.doubtful(sighting, config):
            flight.looks.doubtful_s.pop(sighting.track, None)
            continue
        since_s = flight.looks.doubtful_s.setdefault(sighting.track, ctx.now_s)
        if ctx.now_s - flight.looks.declined_s.get(sighting.track, -math.inf) < _AGAIN_S:
            continue
        words = second_look.not_worth(sighting, ctx.now_s - since_s, position.place, flight.looks.done, config)
        look = words if words is not None else _possible(ctx, flight, situation, sighting)
        if isinstance(look, Look):
            return sighting
        _decline(ctx, flight, sighting, look)
    return None


def _decline(ctx: FlightContext, flight: CurrentFlight, sighting: Sighting, words: str) -> None:
    """Says once for each thing why it is only reported."""
    if not words:
        return
    if sighting.track not in flight.looks.declined_s:
        place = second_look.place_of(sighting)
        ctx.note("flight.no_second_look", f"{sighting.hazard.value} at {place.lat_deg:.5f}, {place.lon_deg:.5f}: {words}")
    flight.looks.declined_s[sighting.track] = ctx.now_s


def breakpoint_of(flight: CurrentFlight, situation: Situation) -> int | None:
    """The item at which the mission will go on; None while the drone is not on its way to a waypoint."""
    return next_waypoint(flight, situation) if situation.mode is FlightMode.MISSION else None


def _possible(ctx: FlightContext, flight: CurrentFlight, situation: Situation, sighting: Sighting) -> Look | str:
    """The look, if geometry, charge and time allow it; else why not."""
    index, position, battery = breakpoint_of(flight, situation), situation.telemetry.position, situation.telemetry.battery
    if flight.plan is None or index is None or position is None:
        return ""
    if battery is None or battery.remaining is None:
        return "the charge is not known"
    here = Stop(position.place, position.alt_rel_m)
    rest = waypoints(flight.plan.items[index:])
    config, world = ctx.config, ctx.surroundings
    look = plan_look(_subject(ctx, sighting), here, _backs(ctx, flight.plan, index), world, config.second_look)
    if isinstance(look, Refused):
        return look.words
    flown_s = ctx.now_s - (flight.airborne_at_s or ctx.now_s)
    means = Means(
        ctx.energy,
        battery.remaining,
        config.flight.battery_reserve,
        config.flight.flight_time_max_s - flown_s,
        config.second_look.time_max_s,
        flight.route.speed_m_s,
    )
    refused = check_budget(look, here, rest, world, means)
    return refused.words if refused else look


def _backs(ctx: FlightContext, plan: FlightPlan, index: int) -> tuple[Stop, Stop]:
    """Where the route may go on: at the waypoint that was flown to, or, as some autopilots do, at the one before."""
    start = Stop(ctx.pad.place, ctx.config.flight.takeoff_alt_rel_m)
    *_, before = [start, *waypoints(plan.items[:index])]
    return waypoints(plan.items[index : index + 1])[0], before


def _subject(ctx: FlightContext, sighting: Sighting) -> Subject:
    place = second_look.place_of(sighting)
    ground = ground_rel_m(place, ctx.pad, ctx.terrain)
    alt_amsl_m = ctx.pad.alt_amsl_m + (ground or 0.0)
    return Subject(sighting.track, sighting.hazard, place, alt_amsl_m, sighting.position.error_ellipse.semi_major_m)


async def investigating(ctx: FlightContext) -> Event:
    """Flies the look and goes back to the route. Whatever is wrong ends it; the mission on board was never touched."""
    flight = ctx.flight
    sighting = flight.looks.now if flight is not None else None
    if flight is None or sighting is None:
        return Event.FAILED
    if (event := await _until_ours(ctx)) is not None:
        return event
    situation = ctx.look()
    index = breakpoint_of(flight, situation)
    look = _possible(ctx, flight, situation, sighting)  # anew: the drone has flown on since
    if index is None or not isinstance(look, Look):
        flight.looks.declined_s[sighting.track] = ctx.now_s  # not thought of again at once
        return Event.SEEN_ENOUGH
    flight.looks.done.append(look.subject)
    began = ctx.clock.utc()
    ctx.expect(ctx.vehicle.goto_mode)
    stills = Stills(ctx.vehicle, len(look.stations))
    try:
        event = await _look(ctx, look, stills)
    finally:
        pictures, missing = await stills.end()
    for refused in missing:
        ctx.note(refused.code, refused.words)
    known = second_look.shown(look.subject, began, ctx.eyes.sightings, ctx.config.second_look)
    ctx.note("flight.second_look", second_look.result_words(look.subject, known) + pictures)
    return event or await _go_on(ctx, index)


async def _look(ctx: FlightContext, look: Look, stills: Stills) -> Event | None:
    """Flies from station to station. None when enough was seen, the time is over or the autopilot will not go there."""
    config, began = ctx.config.second_look, ctx.clock.utc()
    tour, arrived_s, visited = _endless(look), None, 0
    station = next(tour)
    if not await _send(ctx, look.subject, station):
        return None
    async for situation in ctx.ticks(config.time_max_s):
        if situation.down:
            ctx.note("flight.landed_early", "the drone is down in the middle of a second look")
            return Event.AUTOPILOT_LANDS
        if (found := ctx.finding(State.INVESTIGATING, situation)) is not None:
            return found.event
        if _there(situation, station) and situation.mode in ctx.commanded:
            arrived_s = ctx.now_s if arrived_s is None else arrived_s
            if not stills.busy(visited, steady=_steady(situation)):
                visited, station = visited + 1, next(tour)
                if len(look.stations) > 1 and not await _send(ctx, look.subject, station):
                    return None
        known = second_look.shown(look.subject, began, ctx.eyes.sightings, config)
        at_place_s = 0.0 if arrived_s is None else ctx.now_s - arrived_s
        if second_look.enough(known, at_place_s, config, tour_done=visited >= len(look.stations)):
            return None
    return None


def _endless(look: Look) -> Iterator[Station]:
    """There and back along the arc, again and again."""
    stations = look.stations
    return cycle(chain(stations, stations[-2:0:-1]))


def _there(situation: Situation, station: Station) -> bool:
    position = situation.telemetry.position
    if position is None or abs(position.alt_rel_m - station.alt_rel_m) > _NEAR_ALT_M:
        return False
    return distance_m(position.place, station.place) < _NEAR_M


def _steady(situation: Situation) -> bool:
    """Slow enough for a picture without a smear."""
    position = situation.telemetry.position
    return position is not None and math.hypot(*position.velocity_ned_m_s) < _STEADY_M_S


async def _send(ctx: FlightContext, subject: Subject, station: Station) -> bool:
    """Sends the drone to a station and keeps the camera on the subject. False where it is refused."""
    limits = ctx.surroundings.limits
    refused: Outcome | None = check_target(station.place, station.alt_rel_m, ctx.site.fence, limits.fence_margin_m)
    outcome = refused or await ctx.vehicle.goto(station.place, station.alt_rel_m, station.heading_deg)
    if isinstance(outcome, Refused):
        ctx.note(outcome.code, outcome.words)
        return False
    ctx.commanded = frozenset({ctx.vehicle.goto_mode})  # any other mode is now somebody else's will
    outcome = await ctx.vehicle.point_camera(subject.place, subject.alt_amsl_m)
    if isinstance(outcome, Refused):
        ctx.note(outcome.code, outcome.words)  # the nose points there in any case
    return True


async def _go_on(ctx: FlightContext, index: int) -> Event:
    """Back to the mission at the item that was flown to. A mission that cannot be resumed is cut short."""
    for _ in range(_RESUME_TRIES):
        if (event := await _until_ours(ctx)) is not None:
            return event
        if ctx.look().mode is FlightMode.MISSION:
            return Event.SEEN_ENOUGH  # the first order was refused; it never left its route
        ctx.expect(FlightMode.MISSION)
        await ctx.vehicle.release_camera()
        outcome = await ctx.vehicle.resume(index)
        if not isinstance(outcome, Refused):
            return Event.SEEN_ENOUGH
        ctx.note(outcome.code, outcome.words)
        await asyncio.sleep(_RESUME_WAIT_S)
    return Event.COME_HOME


async def _until_ours(ctx: FlightContext) -> Event | None:
    """None as soon as the drone flies in a mode that the nest ordered. Nobody else's mode is changed: it is given its event."""
    async for situation in ctx.ticks(_RESUME_WAIT_S):
        if situation.down:
            return Event.AUTOPILOT_LANDS
        if (found := ctx.finding(State.INVESTIGATING, situation)) is not None:
            return found.event
        if situation.mode in ctx.commanded:
            return None
    return Event.FAILED
