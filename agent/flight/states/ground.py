"""States in which the drone stands in the nest, or should."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from ulid import ULID

from agent.core.errors import ConfigError, LinkError
from agent.core.outcome import Outcome, Refused
from agent.domain.nest_state import ClampState, DronePresence, LidState
from agent.domain.status import CheckResult
from agent.domain.telemetry import FlightMode
from agent.flight.context import CurrentFlight, FlightContext
from agent.flight.preflight import may_settle, pad_camera_tried, refusals, run_checks
from agent.flight.situation import FRESH_S
from agent.flight.table import Event, State
from agent.missions.service import Assignment

_SECURE_TRIES = 3
_RETRY_S = 10.0
_OPEN_SETTLE_S = 30.0  # camera and GPS under the opened lid
_PAD_CAMERA_S = 15.0  # a camera that is switched on only now


async def idle(ctx: FlightContext) -> Event:
    """Waits for the next assignment; notices a drone that somebody else flies."""
    ctx.flight = None
    waiting = asyncio.ensure_future(ctx.missions.next())
    try:
        async for situation in ctx.ticks():
            if situation.heard_age_s < FRESH_S and situation.telemetry.armed and situation.in_air:
                return Event.PILOT
            if waiting.done() and _begun(ctx, waiting.result()):
                return Event.ASSIGNED
            if waiting.done():
                waiting = asyncio.ensure_future(ctx.missions.next())
    finally:
        waiting.cancel()
    return Event.FAILED


def _begun(ctx: FlightContext, assignment: Assignment) -> bool:
    """Begins the flight. A route that is not there is told and dropped; it is no fault of the nest."""
    try:
        ctx.begin(str(ULID()), assignment)
    except ConfigError as error:
        ctx.note(error.code, error.message)
        return False
    return True


async def preparing(ctx: FlightContext) -> Event:
    """Checks everything, uploads the plan, opens the nest, and checks again."""
    flight = _flight(ctx)
    ctx.compile_plan(flight)
    ctx.check_plan(flight)
    if not flight.plan_problems:
        await _wait_heard(ctx)
        flight.deviations = tuple(await ctx.vehicle.verify_parameters())
        flight.returns_to_pad = await ctx.vehicle.returns_to_pad()
    if not await _checks_pass(ctx, ctx.config.flight.preparation_timeout_s) or flight.plan is None:
        return Event.REFUSED
    outcome = await ctx.vehicle.upload(flight.plan)
    if not isinstance(outcome, Refused):
        outcome = await ctx.station.prepare_launch(ctx.presence)
    if isinstance(outcome, Refused):
        ctx.note(outcome.code, outcome.words)
        return Event.REFUSED
    async with _pad_camera_tried(ctx):
        return Event.READY if await _checks_pass(ctx, _OPEN_SETTLE_S) else Event.REFUSED


@asynccontextmanager
async def _pad_camera_tried(ctx: FlightContext) -> AsyncIterator[None]:
    """Tries the camera that looks down, which is off until a landing: a dead or dark one must be noticed before the start."""
    eye = ctx.pad_eye
    if eye is None:
        yield
        return
    eye.try_out(on=True)
    try:
        async for situation in ctx.ticks(_PAD_CAMERA_S):
            if pad_camera_tried(situation):
                break
        yield
    finally:
        eye.try_out(on=False)


async def _wait_heard(ctx: FlightContext) -> None:
    """Waits for the drone, which may have been switched on only now."""
    async for situation in ctx.ticks(ctx.config.vehicle.connect_timeout_s):
        if situation.heard_age_s < FRESH_S:
            return


async def _checks_pass(ctx: FlightContext, patience_s: float) -> bool:
    """Runs the preflight table until it passes, or cannot pass, or patience ends."""
    flight = _flight(ctx)
    refused: tuple[CheckResult, ...] = ()
    async for _ in ctx.ticks(patience_s):
        flight.checks = run_checks(ctx.facts(flight), ctx.config)
        refused = refusals(flight.checks)
        if not refused:
            return True
        if not may_settle(refused):
            break
    for result in refused:
        ctx.note(result.code, f"{result.value}; needed: {result.limit}")
    return False


async def launching(ctx: FlightContext) -> Event:
    """Arms and starts, and watches that the drone really goes."""
    dock, now_s = ctx.station.dock, ctx.now_s
    ready = dock is not None and now_s - dock.at_s < FRESH_S
    if not (ready and dock is not None and dock.lid is LidState.OPEN and dock.clamps is ClampState.RELEASED):
        ctx.note("dock.not_open", "lid or clamps are not surely open at the moment of take-off")
        return Event.DENIED
    flight = _flight(ctx)
    battery = ctx.vehicle.telemetry.battery
    flight.charge_at_start = battery.remaining if battery else None
    ctx.expect(FlightMode.MISSION, FlightMode.GUIDED, FlightMode.HOLD)
    outcome = await ctx.vehicle.launch()
    if isinstance(outcome, Refused):
        ctx.note(outcome.code, outcome.words)
        return Event.COME_HOME if ctx.look().in_air else await _stood_down(ctx)
    async for situation in ctx.ticks(ctx.config.flight.airborne_timeout_s):
        position = situation.telemetry.position
        if situation.in_air and position is not None and position.alt_rel_m > 2.0:
            flight.airborne_at_s = situation.now_s
            return Event.AIRBORNE
        if (found := ctx.finding(State.LAUNCHING, situation)) is not None:
            return found.event
    ctx.note("flight.no_liftoff", f"not in the air after {ctx.config.flight.airborne_timeout_s:.0f} s")
    return await _stood_down(ctx)


async def _stood_down(ctx: FlightContext) -> Event:
    """After a start that did not happen: makes sure that the motors stop."""
    if ctx.vehicle.telemetry.armed:
        outcome = await ctx.vehicle.disarm()
        if isinstance(outcome, Refused):
            ctx.note(outcome.code, outcome.words)
    async for situation in ctx.ticks(15.0):
        if situation.down:
            return Event.DENIED
        if situation.in_air:
            return Event.COME_HOME
    return Event.FAILED


async def securing(ctx: FlightContext) -> Event:
    """Clamps the drone, closes the lid, charges."""
    ctx.eyes.watch(None)
    await _as_usual(ctx)
    async for _ in ctx.ticks(ctx.config.flight.preparation_timeout_s):  # after a power cut the drone finds its place anew
        if ctx.presence() is not DronePresence.UNKNOWN or _closed_on_drone(ctx):
            break
    for _ in range(_SECURE_TRIES):
        outcome = await ctx.station.secure(ctx.presence)
        if not isinstance(outcome, Refused):
            return Event.SECURED
        ctx.note(outcome.code, outcome.words)
        if _closed_on_drone(ctx):
            return Event.SECURED
        await asyncio.sleep(_RETRY_S)
    return Event.NOT_SECURED


async def _as_usual(ctx: FlightContext) -> None:
    """Gives the gimbal back, and sets returns to the pad again. A silent drone keeps nobody from closing the nest."""
    with suppress(LinkError):
        if ctx.vehicle.telemetry.gimbal_control is not None:
            await _noted(ctx, ctx.vehicle.release_camera())
        await _noted(ctx, ctx.vehicle.forget_rally())


async def _noted(ctx: FlightContext, order: Awaitable[Outcome]) -> None:
    outcome = await order
    if isinstance(outcome, Refused):
        ctx.note(outcome.code, outcome.words)


def _closed_on_drone(ctx: FlightContext) -> bool:
    """Whether the nest is closed already, as it is when a flight was refused before the lid moved."""
    dock = ctx.station.dock
    if dock is None or ctx.now_s - dock.at_s > FRESH_S or ctx.presence() is DronePresence.AWAY:
        return False
    return dock.lid is LidState.CLOSED and dock.clamps is ClampState.ENGAGED and dock.pad_occupied


async def fault(ctx: FlightContext) -> Event:
    """Waits for a person. The clearing is a file, so that it works from any shell and survives a restart."""
    ctx.eyes.watch(None)
    clearance = clearance_of(ctx)
    async for situation in ctx.ticks():
        if clearance.exists():
            clearance.unlink()
            return Event.CLEARED
        if situation.heard_age_s < FRESH_S and situation.telemetry.armed and situation.in_air:
            return Event.PILOT
    return Event.FAILED


def clearance_of(ctx: FlightContext) -> Path:
    """The file by which a person says that a fault is dealt with. One that is older than the fault does not speak of it."""
    return ctx.config.store.directory / "clear-fault"


def _flight(ctx: FlightContext) -> CurrentFlight:
    if ctx.flight is None:
        raise ConfigError("flight.none", "no flight is under way; this state cannot be entered without one")
    return ctx.flight
