"""The drone as the flight sees it: the interface, served by whichever driver fits the autopilot that is heard."""

import asyncio
from collections.abc import Sequence
from typing import Literal

from agent.config.vehicle import VehicleSection
from agent.core.errors import LinkError
from agent.core.geo import LatLon
from agent.core.outcome import Outcome, Refused
from agent.domain.landing import PadFix
from agent.domain.mission import FlightPlan, RallyPoint
from agent.domain.telemetry import FlightMode, Telemetry
from agent.mavlink.enums import Autopilot
from agent.mavlink.exchange import Exchange
from agent.mavlink.identity import ask_version
from agent.mavlink.link import Link
from agent.mavlink.streams import Streams
from agent.vehicle.denials import explained
from agent.vehicle.detect import DRIVERS
from agent.vehicle.driver import Driver
from agent.vehicle.firmware import Application, Applied
from agent.vehicle.firmware import Progress as FirmwareProgress
from agent.vehicle.interface import ParameterDeviation, Progress, Vehicle, VehicleIdentity
from agent.vehicle.parameter_set import Comparison, compare_rows, other_autopilot, read_set, verify
from agent.vehicle.payload import Payload
from agent.vehicle.session import Session
from firmware_config.schema import ParameterRow, load_metadata

_ASK_IDENTITY_AGAIN_S = 10.0


def _ignore(what: str, done: int, total: int) -> None:
    """No progress wanted."""


class MavlinkVehicle(Vehicle):
    """A drone that speaks MAVLink. Made by :func:`agent.vehicle.open.open_vehicle`.

    Every request raises LinkError (``vehicle.silent``, ``vehicle.lost``) while the drone is not heard.

    Args:
        session: what is known of it.
        config: the vehicle's section of the configuration.

    Raises:
        ConfigError: the configured parameter set does not exist.
    """

    def __init__(self, session: Session, config: VehicleSection) -> None:
        self._session = session
        self._config = config
        self._parameter_set = read_set(config.parameter_set)
        self._driver: Driver | None = None
        self._identity: VehicleIdentity | None = None
        self._one_transfer = asyncio.Lock()
        session.on_autopilot = self._choose_driver

    @property
    def telemetry(self) -> Telemetry:
        """The newest of everything."""
        return self._session.telemetry

    @property
    def identity(self) -> VehicleIdentity | None:
        """None until the autopilot was heard and asked."""
        return self._identity

    @property
    def goto_mode(self) -> FlightMode:
        """The flight mode in which it flies to a place."""
        return self._driver.traits.goto_mode if self._driver else FlightMode.UNKNOWN

    @property
    def on_link_loss(self) -> Literal["finish", "return"]:
        """What its parameters make it do in a mission while the nest is silent."""
        return self._parameter_set.on_link_loss

    def link_failsafe_since(self, at_s: float) -> bool:
        """Whether it says that it came home because the nest was silent."""
        return self._driver is not None and self._driver.link_failsafe_since(at_s)

    @property
    def link(self) -> Link:
        """The link to it."""
        return self._session.link

    @property
    def exchange(self) -> Exchange:
        """Requests over that link."""
        return self._session.exchange

    @property
    def problems(self) -> Sequence[Refused]:
        """What is wrong with the links to it right now."""
        return self._session.link.problems(self._session.now_s)

    def _choose_driver(self, autopilot: Autopilot) -> None:
        self._driver = DRIVERS[autopilot](self._session)

    async def acquaint(self) -> None:
        """Waits for the autopilot, then keeps its messages coming and learns who it is. For ever."""
        await self._session.until(lambda _: self._driver is not None, float("inf"))
        driver = self._driver
        assert driver is not None  # noqa: S101 just waited for
        streams = Streams(self._session.commander, driver.traits.streams_hz)
        self._session.link.add_handler(streams.on_frame, driver.traits.streams_hz)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep_streams(streams))
            tasks.create_task(self._learn_identity(driver))
            tasks.create_task(Payload(self._session, driver).keep())

    async def _keep_streams(self, streams: Streams) -> None:
        """Asks for missing messages while the drone is heard; all anew after a reboot, and on another link."""
        known = (self._session.boots, self._session.link.switches)
        while True:
            if (self._session.boots, self._session.link.switches) != known:
                known = (self._session.boots, self._session.link.switches)
                streams.forget()
            if self._session.in_contact:
                await streams.keep_once()
            await asyncio.sleep(1.0)

    async def _learn_identity(self, driver: Driver) -> None:
        while self._identity is None:
            version = await ask_version(self._session.exchange) if self._session.in_contact else None
            if version is not None:
                self._identity = VehicleIdentity(driver.traits.name, version.firmware, version.uid, version.capabilities)
                return
            await asyncio.sleep(_ASK_IDENTITY_AGAIN_S)

    def _heard(self) -> Driver:
        """The driver, while there is a drone to drive.

        Raises:
            LinkError: there is none.
        """
        if self._driver is None:
            where = " or ".join(self._config.links)
            raise LinkError("vehicle.silent", f"no drone with system id {self._session.link.system} was heard on {where}")
        if not self._session.in_contact:
            raise LinkError("vehicle.lost", f"the drone was not heard for {self._config.lost_after_s:g} s")
        return self._driver

    async def upload(self, plan: FlightPlan, progress: Progress | None = None) -> Outcome:
        """Uploads fence, rally points and mission, reads all back and compares."""
        async with self._one_transfer:
            return await self._heard().upload(plan, progress)

    async def adopt(self, plan: FlightPlan) -> Outcome:
        """Takes the mission on board as this plan, if it reads back equal."""
        async with self._one_transfer:
            return await self._heard().adopt(plan)

    @property
    def _firmware(self) -> str | None:
        return self._identity.firmware if self._identity else None

    async def verify_parameters(self) -> Sequence[ParameterDeviation]:
        """What is not right of what must be right before each flight."""
        return await verify(self._heard(), self._parameter_set, self._config.own_system_id, self._firmware)

    async def compare_parameters(self) -> list[Comparison] | Refused:
        """Every row of the set beside what the autopilot has."""
        driver = self._heard()
        other = other_autopilot(driver, self._parameter_set)
        if other is not None:
            return Refused("vehicle.parameter_set_wrong", other.reason)
        return await compare_rows(driver, self._parameter_set.rows, self._config.own_system_id, self._firmware)

    async def apply_parameters(self) -> Sequence[ParameterDeviation]:
        """Sets what must be right before each flight; what is wrong even so."""
        applied = await self._apply(self._parameter_set.parameters, _ignore)
        if isinstance(applied, Refused):
            return [ParameterDeviation(applied.code, "", None, applied.words)]
        return [one.wrong for one in applied.left if one.wrong is not None]

    async def apply_firmware(self, progress: FirmwareProgress = _ignore) -> Applied | Refused:
        """Sets every parameter of the set, on the ground, and restarts the autopilot where that is needed."""
        return await self._apply(self._parameter_set.rows, progress)

    async def _apply(self, rows: Sequence[ParameterRow], progress: FirmwareProgress) -> Applied | Refused:
        driver = self._heard()
        other = other_autopilot(driver, self._parameter_set)
        if other is not None:
            return Refused("vehicle.parameter_set_wrong", other.reason)
        metadata = load_metadata(self._config.parameter_set)
        return await Application(driver, rows, metadata, self._config.own_system_id, self._firmware, progress).run()

    async def wait_known(self, timeout_s: float) -> bool:
        """Waits until it is heard and has said who it is."""
        return await self._session.until(lambda _: self._driver is not None and self._identity is not None, timeout_s)

    async def launch(self) -> Outcome:
        """Arms and starts the uploaded mission."""
        return explained(await self._heard().launch())

    async def pause(self) -> Outcome:
        """Holds position."""
        return explained(await self._heard().pause())

    async def resume(self, index: int) -> Outcome:
        """Continues the mission at an item of the uploaded plan."""
        return explained(await self._heard().resume(index))

    async def goto(self, place: LatLon, alt_rel_m: float, heading_deg: float | None = None) -> Outcome:
        """Flies to a place and stays there."""
        return explained(await self._heard().goto(place, alt_rel_m, heading_deg))

    async def point_camera(self, place: LatLon, alt_amsl_m: float) -> Outcome:
        """Keeps the camera on a place."""
        return await self._heard().aim.at(place, alt_amsl_m)

    async def look_ahead(self, pitch_deg: float) -> Outcome:
        """Keeps the camera over the nose at a pitch."""
        return await self._heard().aim.ahead(pitch_deg)

    async def take_pictures(self) -> Outcome:
        """One picture with each camera."""
        return await self._heard().cameras.take_pictures()

    async def zoom(self, share: float) -> Outcome:
        """0 widest to 1 longest."""
        return await self._heard().cameras.zoom(share)

    async def focus(self, share: float | None) -> Outcome:
        """0 nearest to 1 infinity; None by itself."""
        return await self._heard().cameras.focus(share)

    async def record(self, *, on: bool) -> Outcome:
        """A video on the camera's own storage."""
        return await self._heard().cameras.record(on=on)

    async def release_camera(self) -> Outcome:
        """Ends pointing at a place."""
        return await self._heard().aim.release()

    async def return_home(self) -> Outcome:
        """Comes home and lands."""
        return explained(await self._heard().return_home())

    async def returns_to_pad(self) -> Outcome:
        """Whether its own return would end on the pad."""
        return await self._heard().returns.ends_on_pad()

    async def return_to_rally(self, point: RallyPoint) -> Outcome:
        """Comes down at a rally point by its own return."""
        return explained(await self._heard().returns.order(point))

    async def forget_rally(self) -> Outcome:
        """Returns end on the pad again."""
        return await self._heard().returns.undo()

    async def land_at(self, place: LatLon, alt_rel_m: float) -> Outcome:
        """Lands at a place; the order that is due now."""
        return explained(await self._heard().land_at(place, alt_rel_m))

    async def land_here(self) -> Outcome:
        """Lands where it is."""
        return explained(await self._heard().land_here())

    async def land_on_pad(self) -> Outcome:
        """Lands where it is, and on the pad that it is shown."""
        return await self._heard().land_on_pad()

    def show_pad(self, fix: PadFix) -> None:
        """Tells the autopilot where the pad is."""
        if self._driver is not None and self._session.in_contact:
            self._driver.show_pad(fix)

    async def disarm(self) -> Outcome:
        """Stops the motors on the ground."""
        return explained(await self._heard().disarm())
