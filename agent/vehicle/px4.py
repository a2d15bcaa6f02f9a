"""PX4 multicopter: its modes, what it keeps of a mission, and how it is started.

Measured on PX4 1.18-beta. Modes: ``custom_mode`` is main mode shifted by 16 bits and sub mode by 24
(https://docs.px4.io/main/en/middleware/mavlink.html).
"""

import math
import re
from types import MappingProxyType

from agent.core.geo import LatLon
from agent.core.outcome import Accepted, Outcome, Refused
from agent.domain.landing import PadFix
from agent.domain.telemetry import FlightMode
from agent.mavlink.commands import Command
from agent.mavlink.enums import Cmd, Frame, RepositionFlag
from agent.mavlink.landing_target import target_in_local
from agent.mavlink.messages import mission_set_current
from agent.vehicle.driver import Driver, Traits, left_ground, on_ground
from agent.vehicle.pad_target import in_local
from agent.vehicle.plan_items import Wording
from agent.vehicle.session import Session

_LIFT_OFF_S = 20.0
_VERDICT_S = 1.5  # the mission check runs after the upload's answer; its verdict comes as a sentence
_SET_CURRENT_S = 2.0
_SET_CURRENT_TRIES = 3
_COMPLAINT = re.compile(r"geofence|mission (rejected|invalid|not valid)|waypoint|land item|takeoff item", re.IGNORECASE)
_MAIN_AUTO = 4.0
_PRECLAND = (_MAIN_AUTO, 9.0)
_AUTO = 4

MODES = MappingProxyType(
    {
        (1, 0): FlightMode.MANUAL,
        (2, 0): FlightMode.MANUAL,
        (3, 0): FlightMode.MANUAL,
        (5, 0): FlightMode.MANUAL,
        (7, 0): FlightMode.MANUAL,
        (6, 0): FlightMode.GUIDED,  # OFFBOARD
        (_AUTO, 2): FlightMode.GUIDED,  # TAKEOFF
        (_AUTO, 3): FlightMode.HOLD,  # LOITER: also flies to the target of DO_REPOSITION
        (_AUTO, 4): FlightMode.MISSION,
        (_AUTO, 5): FlightMode.RETURN,
        (_AUTO, 6): FlightMode.LAND,
        (_AUTO, 9): FlightMode.LAND,  # PRECLAND
        (_AUTO, 20): FlightMode.LAND,  # DESCEND: comes down by itself where it has lost its position
    }
)
"""Main and sub mode to flight mode."""

_MODE_PARAMS = MappingProxyType(
    {
        FlightMode.HOLD: (_MAIN_AUTO, 3.0),
        FlightMode.MISSION: (_MAIN_AUTO, 4.0),
        FlightMode.RETURN: (_MAIN_AUTO, 5.0),
        FlightMode.LAND: (_MAIN_AUTO, 6.0),
    }
)

_KEPT = MappingProxyType(
    {
        Cmd.NAV_TAKEOFF: frozenset({7}),  # its place is home, which may have moved when a plan is adopted
        Cmd.NAV_WAYPOINT: frozenset({1, 4, 5, 6, 7}),
        Cmd.NAV_RETURN_TO_LAUNCH: frozenset[int](),
        Cmd.DO_CHANGE_SPEED: frozenset({1, 2}),
        Cmd.DO_MOUNT_CONTROL: frozenset({1, 2, 3}),
        Cmd.IMAGE_START_CAPTURE: frozenset({2, 3}),
    }
)

# MISSION_CURRENT comes by itself; an interval for it is refused.
STREAMS_HZ = MappingProxyType(
    {
        "GLOBAL_POSITION_INT": 10.0,
        "LOCAL_POSITION_NED": 10.0,
        "ATTITUDE": 20.0,
        "GIMBAL_DEVICE_ATTITUDE_STATUS": 10.0,
        "SYS_STATUS": 2.0,
        "EXTENDED_SYS_STATE": 4.0,
        "GPS_RAW_INT": 2.0,
        "ESTIMATOR_STATUS": 2.0,
        "BATTERY_STATUS": 1.0,
        "HOME_POSITION": 0.5,
        "VIBRATION": 1.0,
        "WIND_COV": 1.0,
        "POSITION_TARGET_GLOBAL_INT": 2.0,
        "GIMBAL_MANAGER_STATUS": 0.5,
        "ADSB_VEHICLE": 1.0,
    }
)


def mode_of(custom_mode: int) -> FlightMode:
    """The flight mode of HEARTBEAT.custom_mode."""
    main, sub = custom_mode >> 16 & 0xFF, custom_mode >> 24 & 0xFF
    return MODES.get((main, sub if main == _AUTO else 0), FlightMode.UNKNOWN)


TRAITS = Traits(
    name="PX4",
    mode_of=mode_of,
    mode_params=_MODE_PARAMS,
    wording=Wording(home_first=False, takeoff_place=True, yaw_in_waypoint=True, kept=_KEPT, rally_on_board=False),
    bytewise=True,
    streams_hz=STREAMS_HZ,
    fence_ceiling="GF_MAX_VER_DIST",
    return_height=("RTL_RETURN_ALT", 1.0),
    goto_mode=FlightMode.HOLD,
    to_pad=MappingProxyType({"RTL_TYPE": 0.0}),  # the nearest of home and the rally points, of which plans bring none
    prearm_always=True,
    forgotten=frozenset({Cmd.DO_MOUNT_CONTROL}),  # PX4 turns the gimbal to neutral when it leaves a mission
)


class Px4Driver(Driver):
    """A PX4 multicopter.

    Args:
        session: the drone.
    """

    def __init__(self, session: Session) -> None:
        super().__init__(session, TRAITS)

    async def after_upload(self, began_s: float) -> Outcome:
        """PX4 accepts what it cannot fly and says so in a sentence afterwards.

        A mission outside the fence ends in mission state "no mission". A busy PX4 may still say that of the time before this
        upload, so it is given as long again to take it back. A fence that does not contain home is only called
        invalid; PX4 then flies without it, so that sentence is a refusal too.
        """
        if await self.session.until(lambda t: t.mission is not None and t.mission.unusable, _VERDICT_S):
            await self.session.until(lambda t: t.mission is not None and not t.mission.unusable, _VERDICT_S)
        telemetry = self.session.telemetry
        complaints = [s.text for s in self.session.texts.since(began_s) if _COMPLAINT.search(s.text)]
        if telemetry.mission is not None and telemetry.mission.unusable:
            return Refused("mission.refused", "; ".join(complaints) or "the autopilot says that it has no valid mission")
        return Refused("mission.refused", "; ".join(complaints)) if complaints else Accepted()

    def link_failsafe_since(self, at_s: float) -> bool:
        """Its state stays critical until somebody changes the mode: who else sends it home ends that."""
        beat = self.session.telemetry.heartbeat
        return beat is not None and beat.at_s >= at_s and beat.failsafe and beat.mode is FlightMode.RETURN

    async def launch(self) -> Outcome:
        """MISSION_START arms and takes off. Sent once: without an answer the state is looked at."""
        refused = self.not_ready()
        if refused is not None:
            return refused
        await self._set_current(0)
        await self.aim.release()  # a region of interest outlives the flight it was set in
        answer = await self.command(Command(Cmd.MISSION_START, repeatable=False))
        if answer.result is not None and not answer.accepted:
            return Refused("vehicle.arm_denied", answer.reason)
        began_s = self.session.now_s
        armed = await self.session.until(lambda t: t.armed is True, 3.0)
        if not armed:
            return Refused("vehicle.arm_denied", self.session.texts.reasons_since(began_s - 1.0) or answer.reason)
        await self.session.until(lambda t: left_ground(t) or t.armed is False, _LIFT_OFF_S)
        if left_ground(self.session.telemetry):
            return Accepted()
        if on_ground(self.session.telemetry):
            await self.disarm()
        return Refused("vehicle.no_takeoff", f"it did not lift off within {_LIFT_OFF_S:g} s")

    async def resume(self, index: int) -> Outcome:
        """MISSION_SET_CURRENT, since PX4 has no command for it, then the mission mode, then the camera's angle."""
        if self.plan is None or not 0 <= index < len(self.plan.begins):
            return Refused("mission.refused", f"there is no item {index} in the uploaded plan")
        if not await self._set_current(index):
            return Refused("mission.refused", f"the autopilot did not go to item {index}")
        outcome = await self.change_mode(FlightMode.MISSION)
        return outcome if isinstance(outcome, Refused) else await self.renew(index)

    async def _set_current(self, index: int) -> bool:
        """Sets the item and waits until the autopilot says so."""
        assert self.plan is not None  # noqa: S101 the callers have seen to it
        for _ in range(_SET_CURRENT_TRIES):
            asked_s = self.session.now_s
            self.session.link.send(mission_set_current(self.session.link.system, self.plan.begins[index]))
            if await self.session.until(
                lambda t, s=asked_s: t.mission is not None and t.mission.at_s >= s and t.mission.current == index,  # type: ignore[misc]
                _SET_CURRENT_S,
            ):
                return True
        return False

    async def goto(self, place: LatLon, alt_rel_m: float, heading_deg: float | None) -> Outcome:
        """DO_REPOSITION; PX4 takes its altitude above mean sea level whatever the frame says, and its heading in radians.

        PX4 accepts one outside the fence and ignores it, so the target it reports is compared.
        """
        heading = math.nan if heading_deg is None else math.radians(heading_deg)
        home = self.session.telemetry.home
        if home is None:
            return Refused("vehicle.target_refused", "the height of home is not known")
        params = (-1.0, float(RepositionFlag.CHANGE_MODE), 0.0, heading)
        command = Command(Cmd.DO_REPOSITION, params, place, home.alt_amsl_m + alt_rel_m, Frame.GLOBAL_INT)
        return await self.reposition(command)

    async def land_on_pad(self) -> Outcome:
        """PX4's LAND does not look for the pad; PRECLAND does."""
        return await self.change_mode(FlightMode.LAND, _PRECLAND)

    def show_pad(self, fix: PadFix) -> None:
        """In the local frame. Its place does not move, so PX4 need not know how old the picture was."""
        local = self.session.telemetry.local
        place = in_local(fix, self.session.telemetry, self.session.unix_of(local.boot_ms) if local else None)
        if place is not None:
            self.session.link.send(target_in_local(fix.captured_unix_s, *place))
