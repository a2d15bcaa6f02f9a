"""What the drivers of all autopilots share: uploads with read-back, modes, parameters, and how outcomes are judged.

Where autopilots differ, the subclass says how; numbers stand in its tables.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from agent.core.errors import LinkError, ProtocolError
from agent.core.geo import LatLon, distance_m
from agent.core.outcome import Accepted, Outcome, Refused
from agent.domain.landing import PadFix
from agent.domain.mission import FlightPlan
from agent.domain.telemetry import FlightMode, LandedState, Telemetry
from agent.mavlink.commands import Command, CommandAnswer
from agent.mavlink.enums import Cmd, MissionType, ModeFlag
from agent.mavlink.ftp import Ftp
from agent.mavlink.gimbal import GimbalFrame
from agent.mavlink.parameters import Parameters
from agent.mavlink.readback import compare, download
from agent.mavlink.telemetry import Interpretation
from agent.vehicle.aim import Aim
from agent.vehicle.cameras import Cameras
from agent.vehicle.interface import Progress
from agent.vehicle.plan_items import WirePlan, Wording, write_plan
from agent.vehicle.plan_transfer import PlanTransfer
from agent.vehicle.rally import RallyReturn
from agent.vehicle.session import Session

_MODE_CHANGE_S = 4.0  # a heartbeat comes once a second, one may be lost
_TARGET_WAIT_S = 4.0
_TARGET_NEAR_M = 3.0
_LAND_NEAR_M = 6.0  # nearer than this it is there
_ON_GROUND_ALT_M = 1.0


@dataclass(frozen=True, slots=True)
class Traits:
    """What differs between autopilots and is data.

    Attributes:
        name: of the autopilot.
        mode_of: its custom mode to a flight mode.
        mode_params: parameters of DO_SET_MODE for the modes the agent commands.
        wording: how plans are written.
        bytewise: whether integer parameters travel as bytes.
        streams_hz: messages that are wanted, with their rate.
        fence_ceiling: parameter that holds the fence's largest altitude over home in metres.
        return_height: parameter that holds the height over home of the way home, and its units in a metre.
        goto_mode: the mode in which it flies to a place.
        to_pad: parameters with which its return mode ends on the pad, whatever rally points the nest's plans bring on board.
        to_rally: those with which it ends at the nearest rally point on board; empty where plans bring none.
        prearm_always: whether the pre-arm bit counts though it is not announced.
        gimbal: what the angles of its own gimbal are against, as far as that is known from the start.
        forgotten: orders of a mission that it does not give again when the mission is resumed.
        parameter_file: whether all parameters are one of its files.
        plan_files: whether mission, fence and rally points are files of it.
        parameter_reads_hz: how many single reads of parameters it answers in a second, where it sets the pace.
    """

    name: str
    mode_of: Callable[[int], FlightMode]
    mode_params: Mapping[FlightMode, tuple[float, ...]]
    wording: Wording
    bytewise: bool
    streams_hz: Mapping[str, float]
    fence_ceiling: str
    return_height: tuple[str, float]
    goto_mode: FlightMode
    to_pad: Mapping[str, float]
    to_rally: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    prearm_always: bool = False
    gimbal: GimbalFrame = GimbalFrame.FLAGGED
    forgotten: frozenset[Cmd] = frozenset()
    parameter_file: bool = False
    plan_files: bool = False
    parameter_reads_hz: float | None = None


class Driver(ABC):
    """Flies one drone. One instance per session and autopilot.

    Args:
        session: the drone.
        traits: the autopilot's data.
    """

    def __init__(self, session: Session, traits: Traits) -> None:
        self.session = session
        self.traits = traits
        self.files = Ftp(session.exchange)
        self.parameters = Parameters(
            session.exchange,
            bytewise=traits.bytewise,
            singly_hz=traits.parameter_reads_hz,
            files=self.files if traits.parameter_file else None,
        )
        files = self.files if traits.plan_files else None
        self.transfer = PlanTransfer(session, int(traits.wording.home_first), files)
        self.plan: WirePlan | None = None
        self.returns = RallyReturn(self)
        self.cameras = Cameras(session)
        self.aim = Aim(self)
        self.gimbal = traits.gimbal
        self._interpret(None)

    # What each autopilot does in its own way.

    @abstractmethod
    async def launch(self) -> Outcome:
        """Arms and starts the uploaded mission."""

    @abstractmethod
    async def resume(self, index: int) -> Outcome:
        """Continues the mission at a plan item."""

    @abstractmethod
    async def goto(self, place: LatLon, alt_rel_m: float, heading_deg: float | None) -> Outcome:
        """Flies to a place and stays there."""

    @abstractmethod
    async def after_upload(self, began_s: float) -> Outcome:
        """Whether the autopilot, having accepted a plan, would also fly it. The upload began at this loop time."""

    @abstractmethod
    def show_pad(self, fix: PadFix) -> None:
        """Tells where the pad is."""

    async def learn_gimbal(self) -> bool:
        """Learns what the angles of the autopilot's own gimbal are against; False if it has to be tried again."""
        return True

    @abstractmethod
    def link_failsafe_since(self, at_s: float) -> bool:
        """Whether it has said since then that it came home because the nest was silent."""

    # What all do alike.

    def not_ready(self) -> Refused | None:
        """Why it cannot be launched as it stands."""
        telemetry = self.session.telemetry
        if self.plan is None:
            return Refused("mission.none", "no plan was uploaded")
        if self._plan_boots != self.session.boots:
            return Refused("mission.none", "the autopilot rebooted since the plan was uploaded")
        if telemetry.armed is not False:
            return Refused("vehicle.armed", "the motors are armed, or their state is unknown")
        if not on_ground(telemetry):
            return Refused("vehicle.not_on_ground", f"the drone says that it is {telemetry.landed.value}")
        return None

    async def upload(self, plan: FlightPlan, progress: Progress | None) -> Outcome:
        """Uploads fence, rally points and mission, and compares each with what reads back."""
        if self.session.telemetry.armed is not False:
            return Refused(
                "mission.armed", "the motors are armed or their state is unknown; a plan is uploaded on the ground only"
            )
        home = self.session.telemetry.home
        written = write_plan(plan, self.traits.wording, home.place if home else self._place())
        if isinstance(written, Refused):
            return written
        began_s = self.session.now_s
        self._interpret(None)
        outcome = await self.parameters.set(self.traits.fence_ceiling, plan.fence.alt_max_rel_m)
        if isinstance(outcome, Refused):
            return Refused("mission.fence_not_set", outcome.words)
        if plan.return_alt_rel_m is not None:  # the way home was checked over the ground at this height
            name, per_m = self.traits.return_height
            outcome = await self.parameters.set(name, plan.return_alt_rel_m * per_m)
            if isinstance(outcome, Refused):
                return Refused("mission.return_height_not_set", outcome.words)
        parts = ((MissionType.FENCE, written.fence, 0), (MissionType.RALLY, written.rally, 0),
            (MissionType.MISSION, written.mission, written.own))  # fmt: skip
        for kind, items, own in parts:
            outcome = await self.transfer.put(kind, items, own, progress)
            if isinstance(outcome, Refused):
                return outcome
        self._interpret(written)
        outcome = await self.after_upload(began_s)
        if isinstance(outcome, Refused):
            self._interpret(None)  # what it would not fly is not launched
            self.transfer.forget()  # and sent again, since it says only then what is wrong
        return outcome

    async def adopt(self, plan: FlightPlan) -> Outcome:
        """Takes a plan that is on board already as the uploaded one, if it reads back equal. For a restart in the air."""
        home = self.session.telemetry.home
        written = write_plan(plan, self.traits.wording, home.place if home else self._place())
        if isinstance(written, Refused):
            return written
        try:
            read = await download(self.session.exchange, MissionType.MISSION)
            words = compare(written.mission, read.items, first=written.own)
        except ProtocolError as error:
            words = error.message
        if words:
            return Refused("mission.differs", words)
        if self.plan is None or written.index_of != self.plan.index_of:
            self._interpret(written)
        return Accepted()

    def _interpret(self, plan: WirePlan | None) -> None:
        """Reads mission progress in indices of this plan; without one, wire numbers shifted past home."""
        self.plan = plan
        self._plan_boots = self.session.boots
        shift = int(self.traits.wording.home_first)
        self.session.meaning = Interpretation(
            mode_of=self.traits.mode_of,
            plan_index_of=plan.plan_index if plan else lambda seq: seq - shift,
            reached_index_of=plan.reached_index if plan else lambda seq: seq - shift,
            plan_length=len(plan.begins) if plan else None,
            prearm_always=self.traits.prearm_always,
            gimbal=self.gimbal,
        )
        self.session.forget_progress()

    def _place(self) -> LatLon | None:
        position = self.session.telemetry.position
        return position.place if position else None

    async def command(self, command: Command) -> CommandAnswer:
        """Sends a command.

        Raises:
            LinkError: the drone is not heard, so nobody would answer.
        """
        if not self.session.in_contact:
            raise LinkError("vehicle.lost", "the drone is not heard; nothing can be asked of it until it is")
        return await self.session.commander.execute(command)

    async def change_mode(self, mode: FlightMode, number: tuple[float, ...] = ()) -> Outcome:
        """Changes the flight mode and waits until the drone says that it is in it.

        Args:
            mode: the mode as the agent knows it.
            number: the autopilot's own mode where it has several for this one; the usual one if empty.
        """
        params = (float(ModeFlag.CUSTOM_MODE_ENABLED), *(number or self.traits.mode_params[mode]))
        answer = await self.command(Command(Cmd.DO_SET_MODE, params))
        changed_s = self.session.now_s
        if answer.result is not None and not answer.accepted:
            return Refused("vehicle.mode_denied", f"{mode.value} mode: {answer.reason}")
        if await self.session.until(lambda t: t.mode is mode and _heard_since(t, changed_s), _MODE_CHANGE_S):
            return Accepted()
        return Refused(
            "vehicle.mode_denied", f"{mode.value} mode: {answer.reason if answer.result is None else 'it did not come'}"
        )

    async def pause(self) -> Outcome:
        """Holds position."""
        return await self.change_mode(FlightMode.HOLD)

    async def renew(self, index: int) -> Outcome:
        """Gives the last orders of the plan's items before this one again, where a resumed mission has forgotten them."""
        assert self.plan is not None  # noqa: S101 the callers have seen to it
        passed = self.plan.mission[: self.plan.begins[index]]
        last = {item.command: item for item in passed if item.command in self.traits.forgotten}
        words = ""
        for command, item in last.items():
            answer = await self.command(Command(command, (*item.params, float(item.x), float(item.y), item.z)))
            words = words if answer.accepted else f"resumed, but {Cmd(command).name} was not taken again: {answer.reason}"
        return Accepted(words)

    async def return_home(self) -> Outcome:
        """The autopilot's own return."""
        return await self.change_mode(FlightMode.RETURN)

    async def land_here(self) -> Outcome:
        """Lands."""
        return await self.change_mode(FlightMode.LAND)

    async def land_at(self, place: LatLon, alt_rel_m: float) -> Outcome:
        """Neither autopilot takes a place with its landing (NAV_LAND lands where it is): it is sent there, then lands."""
        position = self.session.telemetry.position
        if position is not None and distance_m(position.place, place) < _LAND_NEAR_M:
            return await self.land_here()
        return await self.goto(place, alt_rel_m, None)

    async def land_on_pad(self) -> Outcome:
        """Lands, and looks for the pad if the autopilot needs another mode for that."""
        return await self.change_mode(FlightMode.LAND)

    async def disarm(self) -> Outcome:
        """Stops the motors; never forced."""
        if self.session.telemetry.armed is False:
            return Accepted("the motors are stopped already")
        if not on_ground(self.session.telemetry):
            return Refused(
                "vehicle.not_on_ground", "the drone does not say that it is on the ground; its motors are not stopped"
            )
        answer = await self.command(Command(Cmd.COMPONENT_ARM_DISARM, (0.0,)))
        if await self.session.until(lambda t: t.armed is False, _MODE_CHANGE_S if answer.accepted else 0.1):
            return Accepted()
        return Refused("vehicle.disarm_denied", answer.reason)

    async def arm(self) -> Outcome:
        """Arms. Sent once; where no answer comes the state is looked at before it is sent again."""
        command = Command(Cmd.COMPONENT_ARM_DISARM, (1.0,), repeatable=False)
        words = ""
        for _ in range(2):
            answer = await self.command(command)
            words = answer.reason
            if answer.result is not None and not answer.accepted:
                break
            if await self.session.until(lambda t: t.armed is True, _MODE_CHANGE_S):
                return Accepted()
            words = "no answer" if answer.result is None else "the motors did not start"
        return Refused("vehicle.arm_denied", words)

    async def reposition(self, command: Command) -> Outcome:
        """Sends a DO_REPOSITION and judges it by the mode and by the target that the autopilot then reports."""
        assert command.place is not None  # noqa: S101 a DO_REPOSITION has one
        mode = self.traits.goto_mode
        with self.session.link.listen("POSITION_TARGET_GLOBAL_INT") as inbox:
            answer = await self.command(command)
            if not answer.accepted:
                return Refused("vehicle.target_refused", answer.reason)
            asked_s = self.session.now_s
            if not await self.session.until(lambda t: t.mode is mode and _heard_since(t, asked_s), _MODE_CHANGE_S):
                return Refused("vehicle.target_refused", "the autopilot accepted the target but did not change its mode")
            nearest_m = await self.session.nearest_target_m(inbox, command.place, _TARGET_WAIT_S, _TARGET_NEAR_M)
        if nearest_m is not None and nearest_m > _TARGET_NEAR_M:
            return Refused("vehicle.target_refused", f"the autopilot flies to a place {nearest_m:.0f} m from the one asked for")
        return Accepted()


def on_ground(telemetry: Telemetry) -> bool:
    """Whether the drone says that it stands on the ground."""
    return telemetry.landed is LandedState.ON_GROUND


def left_ground(telemetry: Telemetry) -> bool:
    """Whether it is surely in the air: it says so, or it is armed and a metre up."""
    if telemetry.landed in {LandedState.IN_AIR, LandedState.TAKING_OFF}:
        return True
    high = telemetry.position is not None and telemetry.position.alt_rel_m > _ON_GROUND_ALT_M
    return telemetry.armed is True and high and telemetry.landed is not LandedState.ON_GROUND


def _heard_since(telemetry: Telemetry, since_s: float) -> bool:
    return telemetry.heartbeat is not None and telemetry.heartbeat.at_s >= since_s
