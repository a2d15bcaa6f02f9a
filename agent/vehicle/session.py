"""What the agent knows of one drone, kept up to date by its frames: telemetry, sentences, contact, link quality, poses.

Publishes Telemetry, StatusText, ContactChange and PoseSample on the bus. Knows nothing of what a particular autopilot wants.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace

from agent.core.bus import Bus
from agent.core.clock import Clock
from agent.core.geo import LatLon, distance_m
from agent.domain.telemetry import ContactChange, FlightMode, LinkQuality, StatusText, Telemetry
from agent.mavlink.boot_time import BootTime
from agent.mavlink.captures import REPORTS, CaptureBook
from agent.mavlink.codec import Frame
from agent.mavlink.commands import Commander
from agent.mavlink.enums import Autopilot
from agent.mavlink.exchange import Exchange
from agent.mavlink.facts import autopilot_of, boot_ms_of, target_of
from agent.mavlink.link import Inbox, Link
from agent.mavlink.telemetry import FOLDS, Interpretation, fold
from agent.mavlink.texts import StatusTexts
from agent.vehicle.poses import pose_sample

_MESSAGES_KEPT = 20
_QUALITY_INTERVAL_S = 1.0
# When a quicker message corrects the clocks' offset, time steps back a little: poses wait until it has caught up, so that their
# times only grow. A larger step is a reboot or a clock that was set.
_STEP_BACK_MOST_S = 5.0
_UNKNOWN = Interpretation(lambda _: FlightMode.UNKNOWN, lambda seq: seq, lambda seq: seq)


class Session:
    """One drone on one link.

    Args:
        link: the link.
        bus: where changes are published.
        clock: for the UTC of poses.
        connect_timeout_s: how long to wait for the first heartbeat before saying so.
        lost_after_s: silence after which contact is lost.
    """

    def __init__(self, link: Link, bus: Bus, clock: Clock, *, connect_timeout_s: float, lost_after_s: float) -> None:
        self.link = link
        self.telemetry = Telemetry()
        self.meaning = _UNKNOWN
        self.autopilot: Autopilot | None = None
        self.on_autopilot: Callable[[Autopilot], None] = lambda _: None
        self.boots = 0
        self._bus = bus
        self._clock = clock
        self._connect_timeout_s = connect_timeout_s
        self._lost_after_s = lost_after_s
        self._boot_time = BootTime()
        self._last_pose_unix_s = float("-inf")
        self._changed: asyncio.Event | None = None  # there while somebody waits
        self._in_contact: bool | None = None
        self.pictures = CaptureBook()
        self.exchange = Exchange(link)
        self.texts = StatusTexts(self._on_text)
        self.commander = Commander(self.exchange, self.texts)
        link.add_handler(self.texts.on_frame, ("STATUSTEXT",))
        link.add_handler(self._on_frame, {*FOLDS, *REPORTS})

    @property
    def now_s(self) -> float:
        """The loop's time."""
        return asyncio.get_running_loop().time()

    @property
    def in_contact(self) -> bool:
        """Whether the drone was heard lately."""
        beat = self.telemetry.heartbeat
        return beat is not None and self.now_s - beat.at_s <= self._lost_after_s

    def unix_s(self) -> float:
        """Product time."""
        return self._clock.unix_s()

    def unix_of(self, boot_ms: int) -> float | None:
        """Product time of a moment since the autopilot's boot; None before anything was heard."""
        return self._boot_time.known_unix_s(boot_ms)

    async def until(self, condition: Callable[[Telemetry], bool], timeout_s: float) -> bool:
        """Waits until the telemetry meets a condition; False if it does not in time."""
        try:
            async with asyncio.timeout(timeout_s):
                while not condition(self.telemetry):
                    self._changed = self._changed or asyncio.Event()
                    await self._changed.wait()
        except TimeoutError:
            return condition(self.telemetry)
        return True

    async def nearest_target_m(self, inbox: Inbox, place: LatLon, timeout_s: float, near_m: float) -> float | None:
        """Distance from a place to the target that the autopilot reports, in metres: the first that is near, else the nearest.

        None where it reports no target in time.
        """
        nearest_m: float | None = None
        deadline_s = self.now_s + timeout_s
        while (frame := await inbox.get(deadline_s - self.now_s)) is not None:
            off_m = distance_m(target_of(frame), place)
            nearest_m = off_m if nearest_m is None else min(nearest_m, off_m)
            if off_m <= near_m:
                break
        return nearest_m

    def forget_progress(self) -> None:
        """Mission progress so far belongs to another plan."""
        self._update(replace(self.telemetry, mission=None))

    async def watch(self) -> None:
        """Watches contact and link quality, for ever."""
        began_s = self.now_s
        while True:
            await asyncio.sleep(_QUALITY_INTERVAL_S)
            self._judge_contact(began_s)
            if self.telemetry.heartbeat is not None:
                trip_s = self.exchange.round_trip.mean_s
                self._update(replace(self.telemetry, link=LinkQuality(self.now_s, self.link.loss(self.now_s), trip_s)))

    def _judge_contact(self, began_s: float) -> None:
        beat = self.telemetry.heartbeat
        refused = self.link.signing_trouble(self.now_s)
        if self.in_contact:
            self._change_contact("vehicle.heard", "the drone is heard", heard=True)
        elif refused is not None:
            self._change_contact(refused.code, refused.words, heard=False)
        elif beat is not None:
            self._change_contact("vehicle.lost", f"no heartbeat for {self.now_s - beat.at_s:.0f} s", heard=False)
        elif self.now_s - began_s > self._connect_timeout_s:
            others = sorted(self.link.foreign_systems - {self.link.own_system})
            why = f"; {self.link.error.message}" if self.link.error else ""
            why += f"; heard instead: system {', '.join(map(str, others))}" if others else ""
            words = f"no heartbeat of system {self.link.system} since the start, {self.now_s - began_s:.0f} s ago{why}"
            self._change_contact("vehicle.silent", words, heard=False)

    def _change_contact(self, code: str, words: str, *, heard: bool) -> None:
        if heard is not self._in_contact:
            self._in_contact = heard
            self._bus.publish(ContactChange(self.now_s, heard, code, words))

    def _on_frame(self, frame: Frame) -> None:
        if frame.name == "HEARTBEAT":
            self._note_autopilot(frame)
        if self.pictures.take(frame):
            self._update(replace(self.telemetry, captures=self.pictures.captures))
        if frame.name not in FOLDS:
            return
        self._update(fold(self.telemetry, frame, self.meaning))
        if frame.name in {"ATTITUDE", "GLOBAL_POSITION_INT"}:
            self._note_time(frame)

    def _note_autopilot(self, frame: Frame) -> None:
        """Which autopilot it is; the driver for it is chosen in ``detect.py``."""
        autopilot = autopilot_of(frame)
        if autopilot is not None and self.autopilot is None:
            self.autopilot = autopilot
            self.on_autopilot(autopilot)  # before the heartbeat is read, so that already its mode is understood

    def _note_time(self, frame: Frame) -> None:
        """Keeps boot time in step, tells a reboot, and publishes the pose that goes with an attitude."""
        arrived_unix_s = self._clock.unix_s() - (self.now_s - frame.at_s)
        unix_s = self._boot_time.unix_s(boot_ms_of(frame), arrived_unix_s)
        self.boots = self._boot_time.boots
        if frame.name == "ATTITUDE":
            pose = pose_sample(self.telemetry, unix_s)
            if pose is not None and not 0.0 <= self._last_pose_unix_s - unix_s < _STEP_BACK_MOST_S:
                self._last_pose_unix_s = unix_s
                self._bus.publish(pose)

    def _on_text(self, text: StatusText) -> None:
        self._update(replace(self.telemetry, messages=(*self.telemetry.messages, text.text)[-_MESSAGES_KEPT:]))
        self._bus.publish(text)

    def _update(self, telemetry: Telemetry) -> None:
        if telemetry is self.telemetry:
            return
        self.telemetry = telemetry
        self._bus.publish(telemetry)
        if self._changed is not None:
            self._changed.set()
            self._changed = None
