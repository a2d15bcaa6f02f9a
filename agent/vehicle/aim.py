"""Where the camera looks by the nest's order, and who steers the gimbal meanwhile. Somebody else's gimbal is left to them."""

from typing import TYPE_CHECKING

from agent.core.geo import LatLon
from agent.core.outcome import Accepted, Outcome, Refused
from agent.mavlink.commands import Command
from agent.mavlink.enums import Cmd, Frame
from agent.mavlink.gimbal import give_control_back, look_ahead, take_control
from agent.mavlink.link import OWN_COMPONENT

if TYPE_CHECKING:
    from agent.vehicle.driver import Driver


class Aim:
    """The camera's direction.

    Args:
        driver: of the drone that carries it.
    """

    def __init__(self, driver: "Driver") -> None:
        self._driver = driver

    async def at(self, place: LatLon, alt_amsl_m: float) -> Outcome:
        """A region of interest: both autopilots keep gimbal, or nose where there is none, on it."""
        return await self._order(Command(Cmd.DO_SET_ROI_LOCATION, (), place, alt_amsl_m, Frame.GLOBAL))

    async def ahead(self, pitch_deg: float) -> Outcome:
        """An angle by the gimbal manager, which both autopilots have. It ends a region of interest."""
        return await self._order(look_ahead(pitch_deg))

    async def _order(self, command: Command) -> Outcome:
        refused = await self._take_gimbal()
        if refused is not None:
            return refused
        answer = await self._driver.command(command)
        return Accepted() if answer.accepted else Refused("vehicle.camera_refused", answer.reason)

    async def _take_gimbal(self) -> Refused | None:
        """Takes control of a gimbal that has a manager."""
        session = self._driver.session
        control, us = session.telemetry.gimbal_control, (session.link.own_system, OWN_COMPONENT)
        if control is None or (control.system, control.component) == us:
            return None
        if control.system not in {0, session.link.system}:  # nobody, or the autopilot for its mission
            return Refused("gimbal.taken", f"system {control.system}, component {control.component} steers it")
        answer = await self._driver.command(take_control(*us))
        return None if answer.accepted else Refused("vehicle.camera_refused", f"control of the gimbal: {answer.reason}")

    async def release(self) -> Outcome:
        """No region of interest any more, and nobody steers."""
        answer = await self._driver.command(Command(Cmd.DO_SET_ROI_NONE))
        if self._driver.session.telemetry.gimbal_control is not None:
            await self._driver.command(give_control_back())
        return Accepted() if answer.accepted else Refused("vehicle.camera_refused", answer.reason)
