"""The landing: supervised from over the pad until the drone is down, and where it came down.

Where a camera looks down, the drone must be seen aligned with the pad at the gate height, or it climbs away and tries again.
"""

from agent.core.outcome import Refused
from agent.domain.nest_state import DronePresence
from agent.domain.telemetry import FlightMode, LandedState
from agent.flight.approach import Alignment, Verdict, judge
from agent.flight.context import FlightContext
from agent.flight.situation import Situation
from agent.flight.table import Event, State
from agent.routes.checks import check_target

HOMEWARD = frozenset({FlightMode.RETURN, FlightMode.LAND})
"""Modes that end on the ground."""
_PLACE_KNOWN_S = 10.0  # after touch-down until pad and drone must agree where it is
_MOTORS_OFF_S = 20.0  # autopilots stop their motors some seconds after touch-down
_LANDINGS_MAX = 3  # one and two go-arounds
_CLIMB_TIMEOUT_S = 40.0
_CLIMBED_M = 1.0  # so near to the height of the next attempt is near enough
_OVER_PAD_M = 3.0
_PAD_M = 6.0  # farther from the pad it lands somewhere else
_CLIMB_RESERVE = 0.5  # of the reserve: what a go-around and the way to a rally point may take


async def landing(ctx: FlightContext) -> Event:
    """Supervises the landing and says where the drone came down."""
    ctx.expect(FlightMode.RETURN, FlightMode.LAND)
    touchdown, motors, approach = Touchdown(ctx), Motors(ctx), Approach(ctx)
    async for situation in ctx.ticks(ctx.config.flight.landing_timeout_s):
        event = touchdown.look(situation) or await _in_air(ctx, situation, motors, approach)
        if event is not None:
            return event
    return touchdown.at_last() or _missed(ctx)


async def _in_air(ctx: FlightContext, situation: Situation, motors: "Motors", approach: "Approach") -> Event | None:
    if situation.down:
        return None
    if (found := ctx.finding(State.LANDING, situation)) is not None:
        return found.event
    if situation.mode in ctx.commanded - HOMEWARD and not stands(situation):
        return Event.MISSED  # the order to come home was refused, and it flies on
    await motors.stop_if_it_stands(situation)
    return await approach.follow(situation)


def _missed(ctx: FlightContext) -> Event:
    ctx.landings_missed += 1
    if ctx.landings_missed < _LANDINGS_MAX:
        return Event.MISSED
    ctx.note("flight.landing_missed", f"{ctx.landings_missed} landings did not end on the pad")
    return Event.NO_PAD


class Touchdown:
    """Tells where the drone came down, once pad and drone agree on it."""

    def __init__(self, ctx: FlightContext) -> None:
        self._ctx = ctx
        self._since_s: float | None = None

    def look(self, situation: Situation) -> Event | None:
        """To be called on every look. None while it flies or nobody knows yet."""
        if not situation.down:
            self._since_s = None
            return None
        self._since_s = situation.now_s if self._since_s is None else self._since_s
        if self._ctx.presence() is DronePresence.ON_PAD:
            return Event.DOWN
        # A dock that is silent says nothing of the pad: it is given the rest of the time to speak.
        if situation.now_s - self._since_s > _PLACE_KNOWN_S and situation.dock is not None:
            self._ctx.note("flight.down_elsewhere", where(self._ctx, situation))
            return Event.DOWN_ELSEWHERE
        return None

    def at_last(self) -> Event | None:
        """What is taken for true when the time is over. None where it is not down."""
        if self._since_s is None:
            return None
        words = f"{where(self._ctx, self._ctx.look())}; the dock does not say whether it is on the pad"
        self._ctx.note("flight.down_elsewhere", words)
        return Event.DOWN_ELSEWHERE


class Approach:
    """Follows one descent by the camera that looks down, and breaks it off where it is not aligned.

    Without such a camera it does nothing: the drone lands by its own position.
    """

    def __init__(self, ctx: FlightContext) -> None:
        self._ctx = ctx
        self._section = ctx.config.landing if ctx.pad_eye is not None else None
        self._seen = False
        self._given_up = False
        if self._section is not None:
            ctx.eyes.watch(None)  # the search for hazards would take computing time from the search for the pad

    async def follow(self, situation: Situation) -> Event | None:
        """To be called on every look. None while the landing goes on."""
        position, section = situation.telemetry.position, self._section
        if section is None or position is None or self._given_up or stands(situation) or not self._ours(situation):
            return None
        view = situation.pad_view
        fix = view.fix if view is not None and situation.age_s(view.at_s) < section.lost_after_s else None
        verdict, words = judge(
            Alignment(
                height_m=fix.down_m if fix else position.alt_rel_m,
                offset_m=fix.offset_m if fix else None,
                seen_before=self._seen,
            ),
            section,
        )
        self._seen = self._seen or fix is not None
        if verdict is Verdict.BY_POSITION:
            self._give_up("landing.pad_unseen", words)
        if verdict is not Verdict.GO_AROUND:
            return None
        if (why := self._must_land(situation)) is not None:
            self._give_up("landing.go_around_refused", f"{words}; {why}")
            return None
        return await self._go_around(words)

    def _ours(self, situation: Situation) -> bool:
        """Whether this is a landing on the pad by the nest's will: a return, or the LAND that follows a go-around.

        Any other LAND is a pilot's, or the autopilot's own last resort, wherever that is.
        """
        ctx = self._ctx
        ctx.land_ordered = ctx.land_ordered and situation.mode is FlightMode.LAND
        across_m = situation.pad_distance_m(ctx.pad)
        return (situation.mode is FlightMode.RETURN or ctx.land_ordered) and across_m is not None and across_m < _PAD_M

    def _must_land(self, situation: Situation) -> str | None:
        """Why climbing away would be worse than coming down beside the pad."""
        battery = situation.telemetry.battery
        if situation.autopilot_failsafe:
            return "the autopilot is in a critical state"
        least = self._ctx.config.flight.battery_reserve * _CLIMB_RESERVE
        if battery is not None and battery.remaining is not None and battery.remaining < least:
            return f"charge {battery.remaining:.0%}, at least {least:.0%} is kept for a diversion"
        return None

    def _give_up(self, code: str, words: str) -> None:
        """From here on it lands wherever the autopilot brings it."""
        health = self._ctx.pad_eye.health if self._ctx.pad_eye else ()
        self._ctx.note(code, "; ".join((words, *health)))
        self._given_up = True

    async def _go_around(self, words: str) -> Event | None:
        """Climbs away over the pad and lands anew, a few times; then elsewhere. None where the drone cannot be turned away."""
        ctx, section = self._ctx, self._section
        assert section is not None  # noqa: S101 follow() has seen to it
        ctx.note("landing.go_around", words)
        refused = check_target(ctx.pad.place, section.again_height_m, ctx.site.fence, 0.0)
        outcome = refused or await ctx.vehicle.goto(ctx.pad.place, section.again_height_m)
        if isinstance(outcome, Refused):
            self._give_up("landing.go_around_refused", outcome.words)
            return None
        after = _missed(ctx)
        if (event := await self._climb(section.again_height_m)) is not None:
            return event
        if after is Event.MISSED:
            outcome = await ctx.vehicle.land_on_pad()
            ctx.land_ordered = not isinstance(outcome, Refused)
            if isinstance(outcome, Refused):
                ctx.note(outcome.code, outcome.words)  # the return mode is ordered next, and lands too
        return after

    async def _climb(self, height_m: float) -> Event | None:
        """Until it is up there, has had time enough, or lands by its own decision. An event if something else happens."""
        ctx = self._ctx
        ctx.expect(FlightMode.GUIDED, FlightMode.HOLD)
        async for situation in ctx.ticks(_CLIMB_TIMEOUT_S):
            if (found := ctx.finding(State.LANDING, situation)) is not None:
                return found.event
            if situation.mode in HOMEWARD or situation.down:
                return None  # the autopilot lands by its own decision
            position = situation.telemetry.position
            high = position is not None and position.alt_rel_m > height_m - _CLIMBED_M
            if high and (across_m := situation.pad_distance_m(ctx.pad)) is not None and across_m < _OVER_PAD_M:
                return None
        return None


def stands(situation: Situation) -> bool:
    """Whether the drone says that it is on the ground while its motors are armed."""
    return situation.telemetry.landed is LandedState.ON_GROUND and situation.telemetry.armed is True


class Motors:
    """Stops motors that go on after a touch-down. The autopilot refuses that in the air."""

    def __init__(self, ctx: FlightContext) -> None:
        self._ctx = ctx
        self._stands_since_s: float | None = None

    async def stop_if_it_stands(self, situation: Situation) -> None:
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
