"""The autopilot: puts the craft, the modes, the mission, the failsafes and the links' queues together.

Knows MAVLink messages as values; must not know sockets or the computer's clock. Driven from outside: :meth:`Autopilot.step`
advances time, :meth:`Autopilot.handle` takes a message; what it wants to send waits in the channels.
"""

import math
from dataclasses import replace
from functools import partial
from typing import Final

from simulator.vehicle import arming, mission_glue
from simulator.vehicle.boot import Boot
from simulator.vehicle.camera import Camera, Shutter
from simulator.vehicle.channel import Channel
from simulator.vehicle.craft import Craft, Phase, Place
from simulator.vehicle.failsafes import Failsafes
from simulator.vehicle.fence import Fence
from simulator.vehicle.ftp import FtpServer
from simulator.vehicle.ftp_files import Files, MadeUp
from simulator.vehicle.ftp_mission_file import MissionFile
from simulator.vehicle.ftp_param_file import ParamFile
from simulator.vehicle.inbox import HANDLERS
from simulator.vehicle.manoeuvres import FlyLeg, ReturnHome
from simulator.vehicle.mission_items import FENCE, MISSION, MISSION_TYPES, RALLY, Item
from simulator.vehicle.mission_run import MissionRun
from simulator.vehicle.mission_server import MissionServer
from simulator.vehicle.mission_store import ItemStore
from simulator.vehicle.modes import AUTO, KNOWN_BUT_REFUSED, LAND, MODES, RTL, STABILIZE, Behaviour, Flown, Guided, behaviour_of
from simulator.vehicle.parameters import Parameters
from simulator.vehicle.payload import Gimbal
from simulator.vehicle.precland import PrecisionLanding
from simulator.vehicle.rc import RcInput
from simulator.vehicle.setup import Setup
from simulator.vehicle.signing import Signing
from simulator.vehicle.streams import BUILDERS, GROUPS
from simulator.vehicle.trajectory import Vector
from simulator.vehicle.wire import Message, mavlink

_WATCH_S: Final = 0.1  # period of failsafes and checks
_DISARM_AFTER_LANDING_S: Final = 0.3
_TIMESYNC_S: Final = 10.0
_FELT_M_S: Final = 0.1
_CRASH_M_S: Final = 3.0
_SELF_START_S: Final = 3.0  # AUTO_OPTIONS 3: takes off this long after arming
_DISARM_MODES: Final = (AUTO, RTL, LAND)


class Autopilot:
    """One vehicle."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.parameters = Parameters()
        for text in setup.parameters:
            self.parameters.set_from_text(text)
        self.boot = Boot(setup.boot_s)
        self.craft = Craft(setup.place, self.parameters, setup.seed, self.boot.gps_lock_s, setup.ground)
        self.craft.battery.set_charge(setup.charge, self.parameters["BATT_CAPACITY"])
        self.rc = RcInput(self.parameters)
        self.fence = Fence(self.craft)
        self.gimbal = Gimbal(self.craft)
        system = int(self.parameters["SYSID_THISMAV"])
        self.camera, thermal = (
            Camera(self.craft, self.gimbal, self.unix_usec, self.emit, system, thermal=one) for one in (False, True)
        )
        self.cameras = (self.camera, thermal)
        self.precland = PrecisionLanding(self.craft, self.say)
        self.shutter = Shutter(self.craft, self.unix_usec, self.emit, self.camera.shoot)
        self.store = ItemStore(lambda: mission_glue.home_item(self))
        self.run = MissionRun(self.craft, self.store, mission_glue.hooks(self))
        self.failsafes = Failsafes(self)
        self.signing = Signing()
        self.channels: list[Channel] = []
        self.servers = {kind: self._server(kind) for kind in MISSION_TYPES}
        self.ftp = FtpServer(self._files())
        self.auto_armed = False
        self.reboot_wanted = False
        self.wire_time_s = 0.0  # what the shared clock says when a message comes; ahead of the physics while that catches up
        self.prearm_ok = False
        self.mode = MODES[STABILIZE]
        self.behaviour: Behaviour = self._behave()
        self._watch_due_s = 0.0
        self._prearm_told_s = 0.0
        self._timesync_due_s = _TIMESYNC_S
        self._landed_since_s = 0.0
        self._loaded_fence: list[Item] | None = None
        self._time_known = False

    def _server(self, kind: int) -> MissionServer:
        return MissionServer(kind, self.store, self.say, lambda: self._may_clear(kind), lambda index: index == self.run.index)

    def _may_clear(self, kind: int) -> bool:
        return not (kind == MISSION and self.craft.armed and self.mode.number == AUTO)

    def _files(self) -> Files:
        lists: dict[str, MadeUp] = {
            f"@MISSION/{name}.dat": MissionFile(kind, self.store, partial(self._may_clear, kind))
            for kind, name in ((MISSION, "mission"), (FENCE, "fence"), (RALLY, "rally"))
        }
        return Files(lists | {"@PARAM/param.pck": ParamFile(self.parameters)})

    def rebooted(self, unix_boot_s: float) -> "Autopilot":
        """A new autopilot where this one stands; parameters, lists and the battery's charge stay."""
        here, body = self.craft.latlon_of((self.craft.body.north_m, self.craft.body.east_m, 0.0)), self.craft.body
        place = Place(here, self.setup.place.alt_amsl_m + body.up_m, math.degrees(body.yaw) % 360.0)
        setup = replace(self.setup, place=place, unix_boot_s=unix_boot_s, charge=self.craft.battery.charge, parameters=())
        fresh = Autopilot(setup)
        fresh.parameters.copy_from(self.parameters)
        fresh.store.copy_from(self.store)
        fresh.signing = self.signing
        fresh.signing.load()
        fresh.ftp.files.disk, fresh.ftp.files.folders = self.ftp.files.disk, self.ftp.files.folders
        return fresh

    # -- sending ---------------------------------------------------------------------------------------------------------

    def open_channel(self, name: str, *, usb: bool = False) -> Channel:
        """A new link."""
        channel = Channel(name, self.parameters, usb=usb)
        self.channels.append(channel)
        return channel

    def close_channel(self, channel: Channel) -> None:
        """A link that is gone."""
        self.channels.remove(channel)

    def wake(self, channel: Channel) -> None:
        """Something was heard on the link: from now on it gets what the SR0_ parameters say (nothing, by default)."""
        if channel.active:
            return
        channel.active = True
        for parameter, message_ids in GROUPS.values():
            rate_hz = self.parameters[parameter]
            for message_id in message_ids if rate_hz > 0 else ():
                channel.set_rate(message_id, 1.0 / rate_hz, self.craft.time_s)

    def emit(self, message: Message | bytes) -> None:
        """Sends to every link on which something was heard."""
        for channel in self.channels:
            if channel.active:
                channel.send(message)

    def emit_report(self, message_id: int) -> None:
        """Sends a streamed message out of turn."""
        message = BUILDERS[message_id](self)
        if message is not None:
            self.emit(message)

    def say(self, words: str, severity: int) -> None:
        """STATUSTEXT, in chunks when it is long."""
        chunks = [words[i : i + 50] for i in range(0, len(words), 50)]
        text_id = (int(self.craft.time_s * 1000) % 65535) + 1 if len(chunks) > 1 else 0
        for number, chunk in enumerate(chunks):
            self.emit(mavlink.MAVLink_statustext_message(severity, chunk.encode("ascii", "replace"), text_id, number))

    def unix_usec(self) -> int:
        """Product time in microseconds."""
        return int((self.setup.unix_boot_s + self.craft.time_s) * 1e6)

    # -- receiving -------------------------------------------------------------------------------------------------------

    def handle(self, channel: Channel, message: Message) -> list[Message | bytes]:
        """Takes a decoded message that is for this vehicle.

        Returns:
            what waits on the channel afterwards; the caller sends it.
        """
        self.wake(channel)
        handler = HANDLERS.get(message.get_type())
        if handler is not None:
            handler(self, channel, message)
        return channel.take()

    # -- time ------------------------------------------------------------------------------------------------------------

    def step(self, dt_s: float) -> None:
        """Advances by one fixed step."""
        craft = self.craft
        was_ready = self.boot.ready
        for line in self.boot.step(craft.time_s):
            self.say(line.words, line.severity)
        if self.boot.ready and not was_ready:
            self._begin_flight_code()
        if self.boot.origin_set and craft.home is None:
            self.emit_report(mavlink.MAVLINK_MSG_ID_GPS_GLOBAL_ORIGIN)
            self.set_home(craft.position())
        self.rc.step(dt_s, craft.time_s)
        if craft.armed:
            self.behaviour.update(craft, dt_s)
        if craft.look_at is not None:
            self.gimbal.look_at(craft.look_at)
        self.gimbal.step(dt_s)
        craft.step(dt_s)
        self.shutter.step()
        for camera in self.cameras:
            camera.step()
        if craft.impact_m_s is not None:
            self._touch_down(craft.impact_m_s)
        for server in self.servers.values():
            server.step(craft.time_s)
        self.ftp.step(craft.time_s, dt_s)
        if craft.time_s >= self._watch_due_s:
            self._watch_due_s = craft.time_s + _WATCH_S
            self._watch()
        self._stream(dt_s)

    def _touch_down(self, impact_m_s: float) -> None:
        if impact_m_s > _FELT_M_S:
            self.say(f"SIM Hit ground at {impact_m_s:.6f} m/s", mavlink.MAV_SEVERITY_INFO)
        if impact_m_s > _CRASH_M_S and self.craft.armed and self.parameters["FS_CRASH_CHECK"] == 1:
            self.say("Crash: Disarming", mavlink.MAV_SEVERITY_EMERGENCY)
            self.disarm(forced=True)

    def _begin_flight_code(self) -> None:
        """At "ArduPilot Ready" a mode that was set before is lost."""
        self.mode = MODES.get(int(self.parameters["INITIAL_MODE"]), MODES[STABILIZE])
        self.behaviour = self._behave()

    def _watch(self) -> None:
        """Ten times a second."""
        if self.store.fence is not self._loaded_fence:
            self._loaded_fence = self.store.fence
            self.fence.load(self.store.fence)
        for name, kind in (("MIS_TOTAL", MISSION), ("FENCE_TOTAL", FENCE), ("RALLY_TOTAL", RALLY)):
            self.parameters.set(name, self.store.count(kind))
        self.craft.read_faults()
        self.signing.step(self.craft.time_s)
        if self.craft.sensors.has_fix and not self._time_known:
            self._time_known = True
            self.signing.gps_time(self.unix_usec() / 1e6)
        self.failsafes.step(_WATCH_S)
        self.precland.step()
        self._prearm()
        self._auto_disarm()
        if self.craft.time_s >= self._timesync_due_s:
            self._timesync_due_s += _TIMESYNC_S
            self.emit(mavlink.MAVLink_timesync_message(0, int(self.craft.time_s * 1e9) + 1))

    def _stream(self, dt_s: float) -> None:
        built: dict[int, Message | None] = {}
        now_s = self.craft.time_s
        for channel in self.channels:
            for message_id in channel.due(now_s):
                if message_id not in built:
                    built[message_id] = BUILDERS[message_id](self)
                if (message := built[message_id]) is not None:
                    channel.send(message)
            for message in channel.replies.due(now_s, dt_s):
                channel.send(message)

    # -- arming ----------------------------------------------------------------------------------------------------------

    @property
    def position_ok(self) -> bool:
        """The estimator has a position."""
        return self.boot.position_ok and not self.failsafes.position_on

    def _prearm(self) -> None:
        if self.craft.armed:
            self.prearm_ok = True
            return
        self.prearm_ok = self.boot.prearm_settled and not arming.problems(self, arming=False)
        if not self.prearm_ok and self.boot.prearm_settled and self.craft.time_s - self._prearm_told_s >= arming.REPEAT_S:
            self.tell_prearm()

    def tell_prearm(self) -> None:
        """Says what stands against arming."""
        self._prearm_told_s = self.craft.time_s
        for words in arming.problems(self, arming=False):
            self.say(f"PreArm: {words}", mavlink.MAV_SEVERITY_CRITICAL)

    def arm(self, *, forced: bool = False) -> bool:
        """Arms if nothing stands against it."""
        found = [] if forced and self.boot.ready else arming.problems(self, arming=True)
        for words in found:
            self.say(f"Arm: {words}", mavlink.MAV_SEVERITY_CRITICAL)
        if found:
            return False
        self.say("Arming motors", mavlink.MAV_SEVERITY_INFO)
        self.auto_armed = False
        self.craft.arm()
        self._landed_since_s = self.craft.time_s
        self.emit_report(mavlink.MAVLINK_MSG_ID_GPS_GLOBAL_ORIGIN)
        self.emit_report(mavlink.MAVLINK_MSG_ID_HOME_POSITION)
        if self.mode.number != AUTO:
            self.behaviour = self._behave()
        return True

    def disarm(self, *, forced: bool = False) -> bool:
        """Disarms; refused in the air unless forced."""
        if not self.craft.armed:
            return True
        if not self.craft.landed and not forced:
            return False
        self.craft.disarm()
        self.auto_armed = False
        self.say("Disarming motors", mavlink.MAV_SEVERITY_INFO)
        return True

    def _auto_disarm(self) -> None:
        craft = self.craft
        if not craft.armed or not craft.landed or craft.phase is Phase.TAKEOFF:
            self._landed_since_s = craft.time_s
            return
        on_ground_s = craft.time_s - self._landed_since_s
        came_down = self.mode.number in _DISARM_MODES and craft.flown_s > 0 and (self.mode.number != AUTO or self.run.complete)
        delay_s = self.parameters["DISARM_DELAY"]
        idle = delay_s > 0 and on_ground_s >= delay_s and not (self.mode.by_stick and self.rc.throttle > 0.05)
        if (came_down and on_ground_s >= _DISARM_AFTER_LANDING_S) or idle:
            self.disarm()

    # -- modes -----------------------------------------------------------------------------------------------------------

    def _behave(self) -> Behaviour:
        return behaviour_of(self.mode, self.craft, self.run, self.rc, self._may_start_mission, mission_glue.return_points(self))

    def set_mode(self, number: int, reason: str) -> bool:
        """Changes the mode; False, with a STATUSTEXT, when it is refused."""
        del reason
        mode = MODES.get(number)
        if mode is None:
            name = KNOWN_BUT_REFUSED.get(number)
            words = f"Mode change to {name} failed: init failed" if name else f"No such mode {number}"
            self.say(words, mavlink.MAV_SEVERITY_WARNING)
            return False
        if mode is self.mode:
            return True
        problem = self._mode_problem(number)
        if problem is not None:
            self.say(f"Mode change to {mode.name} failed: {problem}", mavlink.MAV_SEVERITY_WARNING)
            return False
        self.mode = mode
        self.auto_armed = self.auto_armed and number == AUTO
        self.behaviour = self._behave()
        self.emit_report(mavlink.MAVLINK_MSG_ID_HEARTBEAT)
        return True

    def _mode_problem(self, number: int) -> str | None:
        if self.boot.ready and MODES[number].needs_position and self.craft.armed and not self.position_ok:
            return "requires position"
        if number in (AUTO, RTL) and self.failsafes.position_on:
            return "requires position"
        if number == AUTO and self.store.count(MISSION) <= 1:
            return "init failed"
        return None

    def _may_start_mission(self) -> bool:
        if self.auto_armed:
            return True
        if not self.parameters.flag("AUTO_OPTIONS", 2):
            return self.rc.throttle > 0.05
        return self.craft.time_s - self.craft.armed_at_s >= _SELF_START_S - 2.0

    def target(self) -> Vector | None:
        """Where the craft flies to now (local), if anywhere."""
        behaviour = self.behaviour
        if isinstance(behaviour, Guided):
            return behaviour.target
        manoeuvre = self.run.manoeuvre if self.mode.number == AUTO else None
        if isinstance(behaviour, Flown):
            manoeuvre = behaviour.manoeuvre
        if isinstance(manoeuvre, FlyLeg):
            return manoeuvre.leg.end
        if isinstance(manoeuvre, ReturnHome):
            return manoeuvre.place
        return None

    # -- home, mission ---------------------------------------------------------------------------------------------------

    def set_home(self, place: Vector) -> None:
        """Moves home and tells it."""
        self.craft.home = place
        self.emit_report(mavlink.MAVLINK_MSG_ID_HOME_POSITION)
