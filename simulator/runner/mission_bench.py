"""How fast a plan gets on board and is proved to be there, measured against what the wire can do.

The agent's own driver uploads fence, rally points and mission back to back, with the telemetry that it asks for on the same
wire, to the built-in vehicle or to a real autopilot.

**The wire's own limit** is the time that the bytes which must cross need at the speed of the wire (ten bits a byte): the items
of the mission once up, once down for the comparison; and one round trip each way, from the offer to the answer to the last
item. The telemetry that the agent asked for must cross too: on the way down it leaves that much less of the wire (measured
before each upload). Nothing is allowed for requests, which cross the other way meanwhile, or for what is lost. ``bare_limit_s``
allows nothing for telemetry either. Where the wire has no limit of speed, only the round trips remain; the ratio says little.
"""

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from agent.config.vehicle import VehicleSection
from agent.core.bus import Bus
from agent.core.clock import Clock
from agent.core.errors import ConfigError, DeviceError
from agent.core.geo import Circle, LocalFrame
from agent.core.outcome import Refused
from agent.domain.mission import Fence, FlightPlan, ItemKind, PlanItem, RallyPoint
from agent.mavlink.link import Link
from agent.vehicle.ardupilot import TRAITS
from agent.vehicle.open import vehicle_on
from agent.vehicle.plan_items import WirePlan, write_plan
from agent.vehicle.vehicle import MavlinkVehicle
from simulator.link.model import BITS_A_BYTE, Impairment, LinkModel
from simulator.link.proxy import proxy
from simulator.loops import VirtualLoop
from simulator.ports import free_port
from simulator.runner.in_memory import PLACE, built_in_vehicle
from simulator.runner.processes import Processes, listening

COUNTS = (10, 100, 576)
ITEM_BYTES = 49  # MISSION_ITEM_INT as a MAVLink 2 frame; its last byte is zero and not sent
_READY_S = 120.0
_LISTEN_S = 5.0
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Case:
    """A link to be measured on."""

    name: str
    wire: Impairment


LOOPBACK = Case("loopback", Impairment())
RADIO = Impairment(baud=57_600, delay_s=0.05)
CASES = (
    LOOPBACK,
    Case("57,600 baud", Impairment(baud=57_600)),
    Case("57,600 baud, 100 ms, 5 % lost", replace(RADIO, loss=0.05)),
    Case("2 ms, 20 % lost", Impairment(delay_s=0.001, loss=0.2)),
    Case("57,600 baud, 100 ms, 20 % lost", replace(RADIO, loss=0.2)),
)


@dataclass(frozen=True, slots=True)
class Run:
    """One upload. mission_s: the mission, uploaded and read back; plan_s: with fence, rally points and parameters."""

    mission_s: float
    plan_s: float
    refused: Refused | None


@dataclass(slots=True)
class Row:
    """All uploads of so many items over one link."""

    case: Case
    items: int
    trip_s: float = 0.0
    telemetry_bytes_s: float = 0.0
    runs: list[Run] = field(default_factory=list)

    @property
    def median_s(self) -> float:
        """Median of the missions that got on board; NaN for none."""
        good = [run.mission_s for run in self.runs if run.refused is None]
        return statistics.median(good) if good else float("nan")

    @property
    def plan_s(self) -> float:
        """Median of the whole plans."""
        good = [run.plan_s for run in self.runs if run.refused is None]
        return statistics.median(good) if good else float("nan")

    @property
    def failures(self) -> list[Refused]:
        """Those that were refused."""
        return [run.refused for run in self.runs if run.refused is not None]

    @property
    def limit_s(self) -> float:
        """The wire's own limit beside the telemetry, see the module."""
        return self._limit_s(self.telemetry_bytes_s)

    @property
    def bare_limit_s(self) -> float:
        """The wire's own limit if nothing else were on it."""
        return self._limit_s(0.0)

    def _limit_s(self, taken_bytes_s: float) -> float:
        wire, size = self.case.wire, self.items * ITEM_BYTES
        trips_s = 2.0 * (2.0 * wire.delay_s or self.trip_s)
        if not wire.baud:
            return trips_s
        speed = wire.baud / BITS_A_BYTE
        return trips_s + size / speed + size / (speed - taken_bytes_s)


def plan_of(items: int, number: int) -> FlightPlan:
    """A plan whose mission has so many items on ArduPilot's wire; each number makes another one, so that none is on board."""
    frame = LocalFrame(PLACE.latlon)
    points = [frame.to_latlon(2.0 * (n % 100) - 100.0, 5.0 * (n // 100)) for n in range(items - 3)]
    waypoints = [
        PlanItem(ItemKind.WAYPOINT, place, 20.0 + (number + n) % 50, hold_s=float(n % 5)) for n, place in enumerate(points)
    ]
    corners = ((-500, -500), (-500, 0), (-500, 500), (0, 600), (500, 500), (500, -500))
    fence = Fence(
        tuple(frame.to_latlon(*corner) for corner in corners), (Circle(frame.to_latlon(300, 300), 20.0 + number % 50),), 100.0
    )
    rally = tuple(RallyPoint(frame.to_latlon(-20.0 * n, 50.0), 25.0 + number % 50) for n in range(3))
    begin, end = PlanItem(ItemKind.TAKEOFF, alt_rel_m=20.0), PlanItem(ItemKind.RETURN)
    return FlightPlan("bench", (begin, *waypoints, end), fence, rally)


async def one_run(vehicle: MavlinkVehicle, items: int, number: int) -> Run:
    """Uploads a plan and takes the times."""
    loop = asyncio.get_running_loop()
    began_s = before_s = done_s = loop.time()

    def told(what: str, _: int, __: int) -> None:
        nonlocal before_s, done_s
        done_s = loop.time()
        if not what.startswith("mission"):
            before_s = done_s

    outcome = await vehicle.upload(plan_of(items, number), told)
    return Run(done_s - before_s, loop.time() - began_s, outcome if isinstance(outcome, Refused) else None)


@asynccontextmanager
async def ready_vehicle(link: Link) -> AsyncIterator[MavlinkVehicle]:
    """The drone on a link, when it is known and its telemetry flows."""
    async with vehicle_on(link, VehicleSection(), Bus(), Clock()) as vehicle:
        async with asyncio.timeout(_READY_S):
            while vehicle.telemetry.armed is not False or vehicle.telemetry.home is None or vehicle.identity is None:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        await asyncio.sleep(3.0)  # the answers to what it asked for at the start are in
        yield vehicle


async def _built_in(row: Row, seeds: range) -> None:
    async with built_in_vehicle() as drone:
        for seed in seeds:
            model = LinkModel.alike(row.case.wire, seed)
            link = Link(lambda model=model: drone.link(model), system=1)  # type: ignore[misc]
            async with ready_vehicle(link) as vehicle:
                row.telemetry_bytes_s = await _telemetry(model)
                row.runs.append(await one_run(vehicle, row.items, seed))
                row.trip_s = vehicle.exchange.round_trip.mean_s or 0.0


async def _telemetry(model: LinkModel) -> float:
    """What the vehicle sends while nothing is asked of it, in bytes a second."""
    before = model.to_agent.counts.bytes
    await asyncio.sleep(_LISTEN_S)
    return (model.to_agent.counts.bytes - before) / _LISTEN_S


async def _real(row: Row, address: str, seeds: range) -> None:
    wire, here = row.case.wire, f"127.0.0.1:{free_port()}"
    if wire == Impairment():
        await _over(row, address, seeds, None)
        return
    async with proxy(f"tcp-listen:{here}", address, wire, wire, seeds.start) as model:
        await _over(row, f"tcp:{here}", seeds, model)


async def _over(row: Row, address: str, seeds: range, model: LinkModel | None) -> None:
    async with ready_vehicle(Link.at(address, system=1)) as vehicle:
        for seed in seeds:
            if model is not None:
                row.telemetry_bytes_s = await _telemetry(model)
            row.runs.append(await one_run(vehicle, row.items, seed))
        row.trip_s = vehicle.exchange.round_trip.mean_s or 0.0


@contextmanager
def vehicle_process(address: str | None) -> Iterator[str]:
    """The address of a vehicle on real sockets: the one given, or a built-in one that runs while the block lasts."""
    if address is not None:
        yield address
        return
    port = free_port()
    with tempfile.TemporaryDirectory() as folder, Processes(Path(folder)) as processes:
        where = f"{PLACE.latlon.lat_deg},{PLACE.latlon.lon_deg},{PLACE.alt_amsl_m},0"
        command = (sys.executable, "-m", "simulator", "vehicle", "--tcp", str(port), "--home", where, "--boot-s", "1")
        processes.start("vehicle", command)
        processes.wait("vehicle", lambda: listening(port), _READY_S)
        yield f"tcp:127.0.0.1:{port}"


def measure(case: Case, items: int, runs: int, address: str | None) -> Row:
    """Uploads so many plans over one kind of link.

    Args:
        case: the link.
        items: of the mission.
        runs: uploads, each with a seed of its own.
        address: ``tcp:HOST:PORT`` of a vehicle in real time; None: the built-in one, in memory and virtual time.
    """
    row = Row(case, items)
    if address is None:
        _run(_built_in(row, range(runs)), VirtualLoop)
    else:
        _run(_real(row, address, range(runs)), None)
    return row


def _run(main: Coroutine[Any, Any, _T], loop: Callable[[], asyncio.AbstractEventLoop] | None) -> _T:
    with asyncio.Runner(loop_factory=loop) as runner:
        return runner.run(main)


def mavsdk(python: Path, address: str, items: int, runs: int) -> tuple[str, list[float]]:
    """MAVSDK's version and its seconds to upload the same mission, without reading it back.

    Raises:
        ConfigError: the address is not of TCP.
        DeviceError: MAVSDK failed; its last words.
    """
    scheme, _, where = address.partition(":")
    if scheme != "tcp":
        raise ConfigError("config.invalid", f"--vehicle {address!r}: the comparison with MAVSDK needs tcp:HOST:PORT")
    plan = write_plan(plan_of(items, 0), TRAITS.wording, PLACE.latlon)
    assert isinstance(plan, WirePlan)  # noqa: S101 plan_of makes sound ones
    rows = [[item.frame, item.command, *item.params, item.x, item.y, item.z] for item in plan.mission]
    task = json.dumps({"address": f"tcpout://{where}", "runs": runs, "items": rows})
    script = Path(__file__).with_name("mavsdk_peer.py")
    done = subprocess.run([python, script], input=task, capture_output=True, text=True, timeout=600, check=False)  # noqa: S603
    try:
        told = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError) as error:
        raise DeviceError("run.process_ended", f"MAVSDK of {python}: {done.stderr.strip().splitlines()[-1][:300]}") from error
    return told["version"], told["seconds"]
