"""Carries values from one part to the next: poses to the vision process, sightings to the alerts, deliveries to the log."""

from collections.abc import Callable
from datetime import datetime

import structlog

from agent.alerts.incident import SightingContext
from agent.alerts.service import AlertService
from agent.config.requests import RequestsSection
from agent.core.bus import Bus
from agent.core.clock import Clock
from agent.core.outcome import Refused
from agent.domain.alert import AlertWeather
from agent.domain.hub import ActionReceived, Delivered
from agent.domain.nest_state import Weather
from agent.domain.sighting import Sighting
from agent.domain.telemetry import PoseSample
from agent.flight.context import FlightContext
from agent.missions.signatures import check_signature
from agent.vision.supervisor import VisionSupervisor

_log = structlog.get_logger(__name__)


def answer_check(requests: RequestsSection, clock: Clock) -> Callable[[ActionReceived], Refused | None]:
    """What is wrong with the signature of an answer to an alert, by the rules and keys of the requests."""

    def check(received: ActionReceived) -> Refused | None:
        rights = requests.departments.get(received.department)
        keys = rights.keys if rights else ()
        required = requests.signature_required
        return check_signature(received.signed, received.signature, keys, clock.utc(), required=required)

    return check


async def carry_poses(bus: Bus, vision: VisionSupervisor) -> None:
    """Poses to the vision process. A slow child loses poses, never the flight its time."""
    with bus.subscribe(PoseSample, limit=50) as poses:
        async for pose in poses:
            vision.send_pose(pose)


async def carry_sightings(bus: Bus, ctx: FlightContext, alerts: AlertService) -> None:
    """Sightings to the alerts, with what the flight knows at that moment."""
    with bus.subscribe(Sighting, limit=1000) as sightings:
        async for sighting in sightings:
            _log.info(
                "sighting",
                track=sighting.track,
                hazard=sighting.hazard.value,
                reached=sighting.level.value,
                confidence=sighting.confidence,
            )
            await alerts.on_sighting(sighting, context_of(ctx))


def context_of(ctx: FlightContext) -> SightingContext:
    """Flight, route, next inspection point and weather right now."""
    flight = ctx.flight
    return SightingContext(
        flight=flight.id if flight else None,
        route=flight.route.id if flight else None,
        inspection_point=ctx.next_point(),
        weather=_alert_weather(ctx.station.weather),
    )


def _alert_weather(weather: Weather | None) -> AlertWeather | None:
    if weather is None:
        return None
    return AlertWeather(
        wind_m_s=weather.wind_m_s, wind_from_deg=weather.wind_from_deg % 360.0, temp_c=weather.temp_c, humidity=weather.humidity
    )


async def log_deliveries(bus: Bus, utc: Callable[[], datetime]) -> None:
    """Every delivery of an alert with its times: what a person needs to know how fast the nest is."""
    with bus.subscribe(Delivered) as deliveries:
        async for delivered in deliveries:
            captured = delivered.captured_at
            _log.info(
                "delivered",
                kind=delivered.kind,
                topic=delivered.topic,
                capture_to_puback_s=(delivered.puback_at - captured).total_seconds() if captured else None,
                commit_to_puback_s=delivered.commit_to_puback_s,
                at=utc().isoformat(),
            )
