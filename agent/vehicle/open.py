"""Opens the link to the drone and keeps everything about it running while the block lasts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from agent.config.vehicle import SigningPolicy, VehicleSection
from agent.core.bus import Bus
from agent.core.clock import Clock
from agent.core.errors import LinkError
from agent.mavlink.address import TcpAddress, parse_address
from agent.mavlink.link import Link
from agent.mavlink.signing import Policy, Signing
from agent.mavlink.stamp_file import stamps_in
from agent.vehicle.parameter_set import read_set
from agent.vehicle.session import Session
from agent.vehicle.vehicle import MavlinkVehicle


@asynccontextmanager
async def open_vehicle(
    config: VehicleSection, bus: Bus, clock: Clock, stamps_file: Path = Path("signing-time")
) -> AsyncIterator[MavlinkVehicle]:
    """The drone of this configuration. It need not be there yet: telemetry stays empty until it is heard.

    Publishes Telemetry, StatusText, ContactChange and PoseSample on the bus.

    Args:
        config: the section.
        bus: where changes are published.
        clock: for UTC.
        stamps_file: keeps the time of signatures, where messages are signed.

    Raises:
        ConfigError: an address or the parameter set is wrong.
        LinkError: no local port or device can be opened. A TCP peer that is not there is waited for.
    """
    read_set(config.parameter_set)  # before the port is open: what is wrong in the configuration is told first
    link = Link.at(
        config.links,
        system=config.system_id,
        own_system=config.own_system_id,
        heartbeat_interval_s=config.heartbeat_interval_s,
        signing=_signing(config, clock, stamps_file),
    )
    try:
        await link.open_once()
    except LinkError:
        if not any(isinstance(parse_address(address), TcpAddress) for address in config.links):
            raise
    async with vehicle_on(link, config, bus, clock) as vehicle:
        yield vehicle


_POLICIES = {SigningPolicy.ACCEPT_UNSIGNED: Policy.UNSIGNED_TOO, SigningPolicy.REQUIRED: Policy.SIGNED_ONLY}


def _signing(config: VehicleSection, clock: Clock, stamps_file: Path) -> Signing | None:
    """Signs and judges as the configuration says; None where nothing is signed."""
    policy = _POLICIES.get(config.signing)
    if policy is None or config.key is None:
        return None
    return Signing(config.key, policy, stamps_in(stamps_file, clock.unix_s))


@asynccontextmanager
async def vehicle_on(link: Link, config: VehicleSection, bus: Bus, clock: Clock) -> AsyncIterator[MavlinkVehicle]:
    """The drone at the other end of a link that is there already; tests use an in-memory link."""
    session = Session(link, bus, clock, connect_timeout_s=config.connect_timeout_s, lost_after_s=config.lost_after_s)
    vehicle = MavlinkVehicle(session, config)
    try:
        async with asyncio.TaskGroup() as tasks:
            running = [
                tasks.create_task(link.run(), name="mavlink link"),
                tasks.create_task(session.exchange.measure_forever(), name="mavlink round trip"),
                tasks.create_task(session.watch(), name="vehicle contact"),
                tasks.create_task(vehicle.acquaint(), name="vehicle streams"),
            ]
            try:
                yield vehicle
            finally:
                for task in running:
                    task.cancel()
    except BaseExceptionGroup as group:
        if len(group.exceptions) == 1:  # what the block raised reaches the caller as it was
            raise group.exceptions[0] from None
        raise
