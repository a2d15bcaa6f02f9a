"""Where the autopilot's own return ends: on the pad at all times, at a rally point when the nest sends it there.

A return flies on when the nest's computer dies or falls silent; a drone that was led away by targets would turn back to a pad
that cannot be used. So where an autopilot can be told by parameters to return to its nearest rally point, a diversion is
flown as a return. What was changed for that is set back afterwards; should the nest die before, the parameter check of the
next flight finds it.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from agent.core.errors import ProtocolError
from agent.core.geo import distance_m
from agent.core.outcome import Accepted, Outcome, Refused
from agent.domain.mission import RallyPoint
from agent.domain.telemetry import FlightMode
from agent.mavlink.enums import MissionType
from agent.mavlink.items import WireItem
from agent.mavlink.parameters import same
from agent.mavlink.readback import compare, download
from agent.mavlink.scale import lat_lon

if TYPE_CHECKING:
    from agent.vehicle.driver import Driver

_SAME_PLACE_M = 1.0


class RallyReturn:
    """The returns of one drone.

    Args:
        driver: flies it.
    """

    def __init__(self, driver: "Driver") -> None:
        self._driver = driver
        self._usual: dict[str, float] = {}  # what was changed for a return to a rally point

    async def ends_on_pad(self) -> Outcome:
        """Whether a return would end on the pad, by the parameters on board and the rally points that plans bring there."""
        wanted = self._driver.traits.to_pad
        found = await self._driver.parameters.get_many(tuple(wanted))
        for name, value in wanted.items():
            has = found[name]
            if has is None:
                return Refused("vehicle.parameter_unknown", f"{name}: the autopilot does not answer for it")
            if not same(has, value):
                return Refused("vehicle.returns_elsewhere", f"{name} is {has:g}; a return ends on the pad with {value:g}")
        return Accepted()

    async def order(self, point: RallyPoint) -> Outcome:
        """Sends the drone to a rally point by its return mode; it lands there by itself.

        Stops first, where it is coming home already. Refused, with no parameter changed, where the autopilot cannot be told so
        (``vehicle.no_rally``), or would take another point.
        """
        driver = self._driver
        if not driver.traits.to_rally or driver.plan is None:
            return Refused("vehicle.no_rally", f"{driver.traits.name} has no rally points for a return on board")
        if driver.session.telemetry.mode is FlightMode.RETURN:  # it may be sinking; and a return under way keeps its goal
            outcome = await driver.pause()
            if isinstance(outcome, Refused):
                return outcome
        refused = await self._other_point(point, driver.plan.rally)
        if refused is not None:
            return refused
        for name, value in driver.traits.to_rally.items():
            before = await driver.parameters.get(name)
            if before is not None and not same(before, value):
                self._usual.setdefault(name, before)
            outcome = await driver.parameters.set(name, value)
            if isinstance(outcome, Refused):
                await self.undo()
                return outcome
        outcome = await driver.return_home()
        if isinstance(outcome, Refused):
            await self.undo()
        return outcome

    async def _other_point(self, wanted: RallyPoint, planned: Sequence[WireItem]) -> Refused | None:
        """Why the autopilot would not go to this point: it takes the nearest of those on board."""
        session = self._driver.session
        position = session.telemetry.position
        if position is None:
            return Refused("vehicle.no_rally", "it is not known where the drone is")
        try:
            board = (await download(session.exchange, MissionType.RALLY)).items
        except ProtocolError as error:
            return Refused("vehicle.no_rally", f"the rally points on board cannot be read: {error.message}")
        words = compare(planned, board)
        if words is not None or not board:
            return Refused("vehicle.no_rally", words or "no rally point is on board")
        nearest = min((lat_lon(item.x, item.y) for item in board), key=lambda place: distance_m(place, position.place))
        off_m = distance_m(nearest, wanted.place)
        if off_m > _SAME_PLACE_M:
            return Refused("vehicle.no_rally", f"the autopilot would go to another rally point, {off_m:.0f} m from this one")
        return None

    async def undo(self) -> Outcome:
        """Returns end on the pad again. Accepted without a word where nothing was changed."""
        for name, value in tuple(self._usual.items()):
            outcome = await self._driver.parameters.set(name, value)
            if isinstance(outcome, Refused):
                return outcome
            del self._usual[name]
        return Accepted()
