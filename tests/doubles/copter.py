"""A scripted copter in virtual time with a session of the real vehicle code on it."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from agent.config.vehicle import VehicleSection
from agent.core.bus import Bus
from agent.core.clock import Clock
from agent.core.geo import LatLon, LocalFrame
from agent.domain.mission import Fence, FlightPlan, ItemKind, PlanItem
from agent.mavlink.enums import Cmd
from agent.vehicle.open import vehicle_on
from agent.vehicle.vehicle import MavlinkVehicle
from tests.doubles.autopilot import Script, ScriptedAutopilot, run_virtual, scripted

HOME = LatLon(30.39, 119.84)
FRAME = LocalFrame(HOME)
RING = tuple(FRAME.to_latlon(n, e) for n, e in ((-500, -500), (-500, 500), (500, 500), (500, -500)))
PLAN = FlightPlan(
    "r",
    (
        PlanItem(ItemKind.TAKEOFF, alt_rel_m=30.0),
        PlanItem(ItemKind.WAYPOINT, place=FRAME.to_latlon(100, 0), alt_rel_m=40.0),
        PlanItem(ItemKind.RETURN),
    ),
    Fence(RING),
)
Body = Callable[[MavlinkVehicle, "Copter", Bus], Coroutine[Any, Any, None]]


class Copter:
    """A scripted copter: beats, arms, changes modes and lifts off as its flags say."""

    def __init__(self, peer: ScriptedAutopilot) -> None:
        self.peer = peer
        self.mode, self.armed, self.landed, self.boot_ms = 0, False, 1, 0
        self.lifts = True
        self.beats = True
        peer.script.params.setdefault("FENCE_ALT_MAX", 100.0)
        peer.on_command[Cmd.DO_SET_MODE] = lambda m: setattr(self, "mode", int(m.param2))
        peer.on_command[Cmd.COMPONENT_ARM_DISARM] = lambda m: setattr(self, "armed", m.param1 == 1.0)
        peer.on_command[Cmd.MISSION_START] = self._start

    def _start(self, _: Any) -> None:
        if self.armed:
            self.mode = 3
            if self.lifts:
                self.landed = 2

    async def live(self) -> None:
        while True:
            if self.beats:
                self.peer.beat(mode=self.mode, armed=self.armed)
                self.peer.send(mavlink.MAVLink_extended_sys_state_message(0, self.landed))
                self._send_pose()
            await asyncio.sleep(1.0)
            self.boot_ms += 1000

    def _send_pose(self) -> None:
        up_mm = 0 if self.landed == 1 else 5_000
        self.peer.send(
            mavlink.MAVLink_home_position_message(303_900_000, 1_198_400_000, 30_000, 0, 0, 0, (1.0, 0, 0, 0), 0, 0, 0)
        )
        self.peer.send(
            mavlink.MAVLink_global_position_int_message(self.boot_ms, 303_900_000, 1_198_400_000, 30_000, up_mm, 1_000, 0, 0, 0)
        )
        self.peer.send(mavlink.MAVLink_attitude_message(self.boot_ms + 100, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0))


def flown(body: Body, script: Script | None = None) -> None:
    async def main() -> None:
        config = VehicleSection()
        link, peer = scripted(script or Script())
        copter, bus = Copter(peer), Bus()
        living = asyncio.create_task(copter.live())
        async with asyncio.timeout(3600), vehicle_on(link, config, bus, Clock()) as vehicle:
            await heard(lambda: vehicle.telemetry.home is not None and vehicle.telemetry.attitude is not None)
            await body(vehicle, copter, bus)
        living.cancel()
        await asyncio.gather(living, return_exceptions=True)

    run_virtual(main())


async def heard(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 a condition with a time-out
            await asyncio.sleep(0.1)
