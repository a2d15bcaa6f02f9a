"""The nest of the fault test, as a process that can be killed: the agent's own store, alerts and hub link, nothing else.

It is told line by line on its standard input what to do (``raise N``, ``clock SECONDS``) and says on its standard output, one
JSON line each, what it committed and when it is connected. Times that it says are of the computer's clock, also while its
own is set wrong.
"""

import argparse
import asyncio
import json
import sys
import time
from datetime import timedelta
from pathlib import Path

import structlog

from agent.alerts.incident import SightingContext
from agent.alerts.service import AlertService, open_alerts
from agent.config.hub import AlertsSection, HubSection
from agent.config.store import StoreSection
from agent.core.bus import Bus
from agent.core.clock import Clock
from agent.core.geo import LatLon, destination
from agent.core.tasks import background
from agent.domain.hazard import Hazard
from agent.domain.hub import AlertChange, HubLink
from agent.domain.sighting import DetectorRecord, ErrorEllipse, GeoPosition, Sighting, SightingLevel
from agent.domain.topics import Topics
from agent.messaging.hub import open_hub
from agent.store.store import open_store

NEST = "n1"
DEPARTMENTS = ("forestry", "emergency")
_HERE = LatLon(30.0, 120.0)
_APART_M = 500.0
_ROW = 1000
_DETECTOR = DetectorRecord(name="fire", version="1", sha256="0" * 64, threshold=0.5, frames_seen=9, frames_confirmed=7)


class Nest:
    """What it does when it is told.

    Args:
        alerts: the agent's alerts.
        shift_s: how wrong the clock is.
        begun_at: number of the first alert of this life; places and tracks follow from it.
    """

    def __init__(self, alerts: AlertService, clock: Clock, begun_at: int) -> None:
        self._alerts = alerts
        self._clock = clock
        self._next = begun_at

    async def obey(self, line: str) -> None:
        """One line of the standard input."""
        word, _, value = line.partition(" ")
        if word == "raise":
            for _ in range(int(value)):
                await self._alerts.on_sighting(self._sighting(), SightingContext())

    def _sighting(self) -> Sighting:
        n, self._next = self._next, self._next + 1
        at = self._clock.utc()
        place = destination(destination(_HERE, 0.0, _APART_M * (n % _ROW)), 90.0, _APART_M * (1 + n // _ROW))
        ellipse = ErrorEllipse(semi_major_m=10.0, semi_minor_m=5.0, azimuth_deg=0.0)
        return Sighting(
            track=f"track-{n}",
            hazard=Hazard.FIRE,
            level=SightingLevel.CONFIRMED,
            confidence=0.95,
            position=GeoPosition(lat=place.lat_deg, lon=place.lon_deg, error_ellipse=ellipse),
            first_seen=at - timedelta(seconds=5),
            last_seen=at,
            captured_at=at,
            detector=_DETECTOR,
        )


def _say(what: str, **more: object) -> None:
    sys.stdout.write(json.dumps({"what": what, "at_unix_s": time.time(), **more}) + "\n")
    sys.stdout.flush()


async def _tell(bus: Bus) -> None:
    with bus.subscribe(AlertChange, HubLink) as inbox:
        _say("listening")
        async for value in inbox:
            if isinstance(value, AlertChange):
                _say("committed", alert=value.alert.alert, sequence=value.alert.sequence)
            elif isinstance(value, HubLink):
                _say("connected" if value.connected else "disconnected", code=value.code)


async def _run(directory: Path, port: int, shift_s: float, begun_at: int) -> None:
    shift = [shift_s]
    clock, bus, topics = Clock(computer_unix_s=lambda: time.time() + shift[0]), Bus(), Topics("nest/v1", NEST)
    departments = {name: {"hazards": ["fire"]} for name in DEPARTMENTS}
    config = AlertsSection.model_validate({"departments": departments, "resolved_quiet_s": 0, "repeat_after_s": 86_400})
    hub = HubSection(port=port, tls=None, reconnect_max_s=1.0, connect_timeout_s=2.0, puback_timeout_s=5.0, keep_alive_s=5)
    hub = hub.model_copy(update={"uplink_min_kbit_s": 1000.0})
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    with open_store(StoreSection(directory=directory), clock) as store:
        async with (
            background(_tell(bus), "tell"),
            open_alerts(config, topics, store, bus, clock, simulated=True) as alerts,
            open_hub(hub, NEST, store.outbox, bus, clock),
        ):
            nest = Nest(alerts, clock, begun_at)
            _say("ready", reasons=[reason.code for reason in store.reasons])
            while line := (await lines.readline()).decode().strip():
                if line.startswith("clock "):
                    shift[0] += float(line.split()[1])
                await nest.obey(line)


def main() -> None:
    """The program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("port", type=int)
    parser.add_argument("--shift-s", type=float, default=0.0)
    parser.add_argument("--begun-at", type=int, default=0)
    arguments = parser.parse_args()
    structlog.configure(
        logger_factory=structlog.PrintLoggerFactory(sys.stderr)
    )  # the standard output is for the one who watches
    asyncio.run(_run(arguments.directory, arguments.port, arguments.shift_s, arguments.begun_at))


if __name__ == "__main__":
    main()
