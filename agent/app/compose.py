"""Opens every part, connects them, and runs them as one group of tasks.

If the flight's own task ends, or a part's, all end, and the unit restarts and adopts. What only tells or carries is begun again
by itself: a report that cannot be written must not take the agent away from a flying drone.
"""

import asyncio
import logging
import signal
import sys
from collections.abc import Coroutine, Sequence
from contextlib import AsyncExitStack

import structlog

from agent.alerts.public.service import PublicService
from agent.alerts.service import open_alerts
from agent.app.eyes import Eyes
from agent.app.pad_guide import PadGuide
from agent.app.telling import Teller
from agent.app.wiring import answer_check, carry_poses, carry_sightings, log_deliveries
from agent.config import Config
from agent.config.landing import LandingSection
from agent.core.bus import Bus
from agent.core.clock import Clock
from agent.core.errors import StoreError
from agent.core.tasks import kept_up
from agent.core.terrain import Terrain
from agent.domain.topics import Topics
from agent.flight.context import FlightContext
from agent.flight.director import Director
from agent.flight.record import FlightJournal, FlightRecord
from agent.messaging.hub import open_hub
from agent.missions.planner import Ground
from agent.missions.requests import LastFlight, open_requests
from agent.missions.service import Missions
from agent.nest.station import open_station
from agent.routes.library import load_routes, load_site
from agent.store.store import open_store
from agent.vehicle.interface import Vehicle
from agent.vehicle.open import open_vehicle
from agent.vision.supervisor import LandingSupervisor, VisionSupervisor


async def serve(config: Config, clock: Clock) -> None:
    """Runs the nest until SIGTERM or SIGINT.

    Raises:
        NestError: the nest cannot start, e.g. a file is wrong or the store is in use; peers that are away are no error.
    """
    _set_up_log(config.store.log_level)
    site = load_site(config.nest.site_file)
    routes = load_routes(config.nest.routes_dir)
    terrain = Terrain.load(config.nest.terrain_file) if config.nest.terrain_file else None
    bus = Bus()
    async with AsyncExitStack() as parts:
        store = parts.enter_context(open_store(config.store, clock))
        topics = Topics(config.hub.topic_root, config.nest.id)
        # Alerts before the hub: answers that waited at the broker come in as soon as it is connected.
        alerts = await parts.enter_async_context(
            open_alerts(
                config.alerts,
                topics,
                store,
                bus,
                clock,
                simulated=config.nest.simulated,
                check=answer_check(config.requests, clock),
            )
        )
        journal = FlightJournal(store.journal)
        last = _last(journal)
        ground = Ground(config, site, terrain, routes)
        requests = await parts.enter_async_context(
            open_requests(
                config.requests, ground, topics, store, bus, clock, LastFlight(last.at, last.report) if last else LastFlight()
            )
        )
        hub = await parts.enter_async_context(open_hub(config.hub, config.nest.id, store.outbox, bus, clock))
        station = await parts.enter_async_context(open_station(config.dock, config.weather, bus, clock))
        vision = await parts.enter_async_context(
            VisionSupervisor(
                config.vision,
                bus,
                clock,
                evidence_dir=store.directory / "evidence",
                terrain_file=config.nest.terrain_file,
                normal_water=site.normal_water,
                normal_heat=site.normal_heat,
            )
        )
        vehicle = await parts.enter_async_context(open_vehicle(config.vehicle, bus, clock, store.directory / "signing-time"))
        missions = Missions(config.missions.schedule, clock, last.due if last else None, requests, routes)
        eyes = Eyes(vision, bus)
        guide = await _open_pad_guide(parts, config.landing, vehicle, bus, clock) if config.landing else None
        ctx = FlightContext(config, vehicle, station, eyes, missions, clock, site, missions.routes, terrain, guide)
        public = PublicService(config.public, topics, store, missions.routes, clock, simulated=config.nest.simulated)
        director = Director(ctx, journal, hub, bus)
        teller = Teller(ctx, director, station, alerts, hub, clock, lambda: store.reasons)
        services = (
            director.run(),
            kept_up(eyes.run, "eyes"),
            *((kept_up(guide.run, "pad"),) if guide else ()),
            kept_up(lambda: carry_poses(bus, vision), "poses"),
            kept_up(lambda: carry_sightings(bus, ctx, alerts), "sightings"),
            kept_up(lambda: public.run(bus), "public"),
            kept_up(lambda: log_deliveries(bus, clock.utc), "deliveries"),
            kept_up(teller.tell_status, "status"),
            kept_up(teller.tell_telemetry, "telemetry"),
        )
        await _run_until_told(services)


async def _open_pad_guide(parts: AsyncExitStack, section: LandingSection, vehicle: Vehicle, bus: Bus, clock: Clock) -> PadGuide:
    child = await parts.enter_async_context(LandingSupervisor(section, bus, clock))
    return PadGuide(child, vehicle, bus, clock, section)


async def _run_until_told(services: Sequence[Coroutine[object, object, None]]) -> None:
    """Runs the services together until a signal asks the process to end."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(service) for service in services]
        await stop.wait()
        for task in running:
            task.cancel()


def _last(journal: FlightJournal) -> FlightRecord | None:
    """The journal's last record, so that a restart does not fly again what was begun.

    None where the journal is empty or cannot be read: then nothing that was due before this start is flown.
    """
    try:
        return journal.latest()
    except StoreError:
        return None  # the director meets it too, and says so


def _set_up_log(level: str) -> None:
    """One JSON line an event on stderr, which the journal of the system keeps."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.dict_tracebacks,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
    )
