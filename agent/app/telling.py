"""What the nest says of itself regularly: status on every change, telemetry at 1 Hz in the air and 0.1 Hz on the ground."""

import asyncio
import platform
from collections.abc import Callable, Iterable

import agent
from agent.alerts.service import AlertService
from agent.core.clock import Clock
from agent.core.outcome import Refused
from agent.domain.codes import words_of
from agent.domain.status import DroneTelemetry, NestStatus, NestSummary, PlaceRecord, Reason
from agent.flight.context import FlightContext
from agent.flight.director import Director
from agent.flight.preflight import PICTURE_CODES
from agent.flight.readiness import ready
from agent.flight.situation import Situation
from agent.flight.table import AIRBORNE_STATES, State
from agent.messaging.hub import Hub
from agent.nest.station import Station

_STATUS_S = 1.0
_IDLE_S = 10.0
_FLYING_S = 1.0

_SUMMARIES = {
    State.IDLE: NestSummary.READY,
    State.PREPARING: NestSummary.BUSY,
    State.SECURING: NestSummary.BUSY,
    State.FAULT: NestSummary.FAULT,
}


class Teller:
    """Tells the hub how the nest is.

    Args:
        more_reasons: further reasons, such as damage found in the store at start.
    """

    def __init__(
        self,
        ctx: FlightContext,
        director: Director,
        station: Station,
        alerts: AlertService,
        hub: Hub,
        clock: Clock,
        more_reasons: Callable[[], Iterable[Reason]],
    ) -> None:
        self._ctx = ctx
        self._director = director
        self._station = station
        self._alerts = alerts
        self._hub = hub
        self._clock = clock
        self._more_reasons = more_reasons

    async def tell_status(self) -> None:
        """Publishes the status whenever something in it but its time has changed; for ever."""
        told: NestStatus | None = None
        while True:
            status = self.status()
            if told is None or status.model_copy(update={"at": told.at}) != told:
                self._hub.publish_status(status)
                told = status
            await asyncio.sleep(_STATUS_S)

    async def tell_telemetry(self) -> None:
        """Publishes where the drone is; for ever."""
        while True:
            self._hub.publish_telemetry(self.telemetry(self._ctx.look()))
            await asyncio.sleep(_FLYING_S if self._director.state in AIRBORNE_STATES else _IDLE_S)

    def status(self) -> NestStatus:
        """The nest in one message. The battery is rounded to 5 % so that it alone does not make a message each second."""
        situation = self._ctx.look()
        battery, pad, upcoming = situation.telemetry.battery, self._ctx.config.nest.pad, self._ctx.missions.upcoming
        reasons = tuple(self._reasons(situation))
        state = _SUMMARIES.get(self._director.state, NestSummary.FLYING)
        if state is NestSummary.READY and not ready((reason.code for reason in reasons), self._ctx.config):
            state = NestSummary.NOT_READY
        identity = self._ctx.vehicle.identity
        return NestStatus(
            state=state,
            at=self._clock.utc(),
            reasons=reasons,
            versions={
                "agent": agent.__version__,
                "python": platform.python_version(),
                **({"autopilot": f"{identity.autopilot} {identity.firmware}"} if identity else {}),
                **{
                    f"model.{name}": digest[:12]
                    for name, digest in (situation.vision.models if situation.vision else {}).items()
                },
            },
            capabilities=tuple(sorted(situation.vision.models)) if situation.vision else (),
            position=PlaceRecord(lat=pad.lat, lon=pad.lon, alt_amsl_m=pad.alt_amsl_m),
            lid=situation.dock.lid.value if situation.dock else None,
            battery=round(battery.remaining * 20) / 20 if battery and battery.remaining is not None else None,
            next_flight=upcoming.at if upcoming else None,
        )

    def _reasons(self, situation: Situation) -> Iterable[Reason]:
        """Everything that is wrong right now, in words."""
        if self._director.state is State.FAULT:
            yield Reason(code="flight.fault", words=self._director.words)
        yield from (_reason(problem) for problem in self._station.problems)
        if situation.heard_age_s > self._ctx.config.vehicle.lost_after_s:
            yield _reason(Refused("vehicle.silent", ""))
        yield from map(_reason, self._ctx.vehicle.problems)
        flight = self._ctx.flight
        if flight is not None and flight.gimbal.words is not None:
            yield _reason(Refused("gimbal.off", flight.gimbal.words))
        if situation.vision is None:
            yield _reason(Refused("vision.starting", ""))
        else:
            yield from (_reason(Refused(code, "")) for code in situation.vision.health if not _expected_dark(code, situation))
        yield from (_reason(Refused(code, "")) for code in situation.pad_camera or ())
        yield from self._alerts.reasons
        yield from self._hub.reasons
        yield from self._more_reasons()

    def telemetry(self, situation: Situation) -> DroneTelemetry:
        """The drone in one message."""
        known = situation.telemetry
        position, battery = known.position, known.battery
        place = None
        if position is not None:
            place = PlaceRecord(lat=position.place.lat_deg, lon=position.place.lon_deg, alt_amsl_m=position.alt_amsl_m)
        speed = None if position is None else (position.velocity_ned_m_s[0] ** 2 + position.velocity_ned_m_s[1] ** 2) ** 0.5
        return DroneTelemetry(
            at=self._clock.utc(),
            flight_state=self._director.state.value,
            mode=known.mode.value,
            armed=known.armed,
            position=place,
            alt_rel_m=position.alt_rel_m if position else None,
            ground_speed_m_s=speed,
            heading_deg=position.heading_deg % 360.0 if position and position.heading_deg is not None else None,
            battery=battery.remaining if battery else None,
            battery_v=battery.voltage_v if battery else None,
        )


def _reason(problem: Refused) -> Reason:
    words = words_of(problem.code)
    return Reason(code=problem.code, words=f"{words} ({problem.words})" if problem.words else words)


def _expected_dark(code: str, situation: Situation) -> bool:
    """A picture that is black or still under a closed lid is no news."""
    dock = situation.dock
    return dock is not None and dock.lid.value != "open" and code in PICTURE_CODES
