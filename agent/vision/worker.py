"""The vision process: frames in, sightings and a status out.

One thread does the work, so that its status falls silent when it hangs. The video source and the parent's lines are read by two
other threads, which only fill a queue of one and the pose history. Standard output carries the protocol and nothing else:
whatever a library prints goes to standard error.
"""

import math
import time
from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from statistics import median
from typing import BinaryIO

import structlog

from agent.core.clock import Clock, utc_from_unix
from agent.core.geo import LatLon
from agent.core.terrain import Terrain
from agent.domain.sighting import VisionStatus
from agent.vision import thermal
from agent.vision.camera_model import CameraModel
from agent.vision.child_io import Send, run_child
from agent.vision.frame import Frame
from agent.vision.inbox import Inbox
from agent.vision.lens import LensWatch
from agent.vision.memory import give_back, resident_mb
from agent.vision.perception import Perception, View, box_thresholds, load_networks
from agent.vision.protocol import LonLatRing, Setup
from agent.vision.reporter import Detector, Reporter
from agent.vision.scene import TURN_MAX_DEG_S, Expected, PictureHealth, SceneGate
from agent.vision.situation import Situation
from agent.vision.sources import LiveSource, SourceSettings
from agent.vision.thermal import ThermalEye
from agent.vision.tile_choice import ranges_by
from agent.vision.time_offset import TimeOffset

_NO_VIDEO_AFTER_S = 3.0
_NO_POSE_AFTER_S = 3.0
_SLOW_S = 2.0
_IDLE_INTERVAL_S = 0.5
"""How often a picture is examined for its health alone, while nobody searches."""
_POSE_WAIT_S, _POSE_WAIT_MIN_S = 0.5, 0.25
"""How long a frame waits for the pose after it: seconds of the product's clock, and least of the computer's."""
_STATUS_INTERVAL_S, _STATUS_INTERVAL_MIN_S = 1.0, 0.1
_RECENT = 50
_OFFSET_MOST_S = 0.1
_OFFSET_NEWS_S = 0.02
_GIVE_BACK_INTERVAL_S = 30.0


_log = structlog.get_logger(__name__)


def main(clock: Clock) -> int:
    """Runs the process until its standard input ends. Returns the exit status."""
    return run_child(Setup, _serve, clock)


def _serve(setup: Setup, stream: BinaryIO, clock: Clock, send: Send) -> None:
    config = setup.vision
    inbox = Inbox(stream, config.camera.mount_pitch_deg)
    inbox.start()
    try:
        terrain = Terrain.load(setup.terrain_file) if setup.terrain_file else None
        networks = load_networks(config.models, config.threads, config.providers)
        perception = Perception(networks, config.tiles, config.tile_budget_s)
        give_back()
        with ExitStack() as sources:
            eyes = _open_eyes(setup, clock, sources)
            Worker(setup, clock, inbox, eyes, perception, terrain, send).run()
    finally:
        inbox.finish()


@dataclass(frozen=True, slots=True)
class Eyes:
    """The sources at work; the thermal ones may be absent."""

    source: LiveSource
    thermal_source: LiveSource | None
    thermal: ThermalEye | None


def _open_eyes(setup: Setup, clock: Clock, sources: ExitStack) -> Eyes:
    config = setup.vision
    source = sources.enter_context(LiveSource(SourceSettings(config.source, clock, config.camera.latency_s)))
    if config.thermal is None:
        return Eyes(source, None, None)
    eye = ThermalEye(config.thermal, places_of(setup.normal_heat))
    settings = SourceSettings(config.thermal.source, clock, config.thermal.camera.latency_s, eye.frame_of)
    return Eyes(source, sources.enter_context(LiveSource(settings)), eye)


def places_of(rings: Sequence[LonLatRing]) -> tuple[tuple[LatLon, ...], ...]:
    """Rings of the protocol as places."""
    return tuple(tuple(LatLon(lat, lon) for lon, lat in ring) for ring in rings)


class Worker:
    """The loop of the vision process."""

    def __init__(
        self,
        setup: Setup,
        clock: Clock,
        inbox: Inbox,
        eyes: Eyes,
        perception: Perception,
        terrain: Terrain | None,
        send: Send,
    ) -> None:
        self._setup = setup
        self._config = setup.vision
        self._clock = clock
        self._inbox = inbox
        self._source = eyes.source
        self._eyes = eyes
        self._perception = perception
        self._terrain = terrain
        self._send = send
        self._normal_water = places_of(setup.normal_water)
        self._detectors = {n.manifest.name: Detector(n.manifest.version, n.manifest.sha256) for n in perception.networks}
        if eyes.thermal is not None:
            self._detectors[thermal.NAME] = Detector(thermal.VERSION, eyes.thermal.sha256)
        camera = setup.vision.camera
        self._health = PictureHealth(Expected(camera.width_px / camera.height_px, camera.colour))
        self._lens = LensWatch()
        self._offset = TimeOffset(CameraModel.of(camera))
        self._offset_s: float | None = None
        self._offset_most_s = max(_OFFSET_MOST_S, 3.0 * camera.latency_error_s)
        self._gate = SceneGate()
        self._watch = inbox.watch
        self._situation = self._new_situation()
        self._reporter = self._new_reporter()
        self._frames = 0
        now_s = time.monotonic()
        self._frame_at_s = self._pose_at_s = self._thermal_at_s = now_s
        self._status_due_s = now_s
        self._give_back_due_s = now_s + _GIVE_BACK_INTERVAL_S
        self._moments: deque[float] = deque(maxlen=_RECENT)
        self._latencies_s: deque[float] = deque(maxlen=_RECENT)

    def run(self) -> None:
        """Until the parent closes the pipe."""
        due_s = time.monotonic()
        while not self._inbox.closed.wait(max(0.0, min(due_s, self._status_due_s) - time.monotonic())):
            self._take_watch()
            if time.monotonic() >= due_s:
                interval_s = 1.0 / self._config.frames_per_s_max / self._clock.base.rate
                due_s = time.monotonic() + (interval_s if self._watch.on else _IDLE_INTERVAL_S)
                frame = self._source.slot.take(max(0.0, min(0.25, self._status_due_s - time.monotonic())))
                if frame is not None:
                    self._look(frame)
                self._look_for_heat()
            self._tell_status()

    def _take_watch(self) -> None:
        watch = self._inbox.watch
        if watch == self._watch:
            return
        if watch.on and (not self._watch.on or watch.flight != self._watch.flight):
            self._situation, self._reporter = self._new_situation(), self._new_reporter()
            self._lens = LensWatch()
            self._offset = TimeOffset(CameraModel.of(self._config.camera))
            self._offset_s = None
        self._watch = watch
        self._pose_at_s = time.monotonic()
        self._moments.clear()
        self._latencies_s.clear()

    def _new_situation(self) -> Situation:
        thresholds = box_thresholds(self._perception.networks)
        return Situation(self._config, self._terrain, self._normal_water, thresholds)

    def _new_reporter(self) -> Reporter:
        return Reporter(self._setup.evidence_dir, self._config.evidence_interval_s, self._detectors, self._clock)

    def _look(self, frame: Frame) -> None:
        """One frame: its health always, what it shows while watching."""
        self._frame_at_s = time.monotonic()
        self._health.update(frame, self._frame_at_s, aloft=self._watch.on)
        captured_unix_s = frame.captured_unix_s
        if not self._watch.on or captured_unix_s is None:
            return
        self._lens.update(frame.pixels)
        frame = self._dated(frame, captured_unix_s)
        observation = self._perception.look(frame, self._view(frame, captured_unix_s))
        pose = self._inbox.pose_at(captured_unix_s, max(_POSE_WAIT_MIN_S, _POSE_WAIT_S / self._clock.base.rate))
        steady = self._gate.steady(frame, pose.turn_deg_s if pose else None)
        if pose is not None:
            self._pose_at_s = time.monotonic()
            changes = self._situation.update(frame, observation, pose, steady=steady)
            for sighting in self._reporter.sightings(changes, self._situation, frame, observation, pose):
                self._send(sighting.model_dump_json())
        self._frames += 1
        self._moments.append(self._clock.unix_s())
        self._latencies_s.append(self._moments[-1] - captured_unix_s)

    def _dated(self, frame: Frame, captured_unix_s: float) -> Frame:
        """The frame with an honest error of its capture time, after its motion was compared with the telemetry's."""
        self._offset.add(frame.pixels, captured_unix_s)
        self._offset.compare(lambda unix_s: self._inbox.pose_at(unix_s, 0.0), self._inbox.newest_pose_unix_s)
        found = self._offset.estimate()
        if found is not None:
            self._take_offset(found.seconds)
        if self._offset_s is None:
            return frame
        stated = self._config.camera.latency_error_s
        return replace(frame, captured_error_s=math.hypot(stated, self._offset_s))

    def _take_offset(self, offset_s: float) -> None:
        """Keeps the estimate; what it asks for is logged once, and again when it has changed."""
        news = self._offset_s is None or abs(offset_s - self._offset_s) > _OFFSET_NEWS_S
        if news and abs(offset_s) > self._offset_most_s:
            better_s = round(self._config.camera.latency_s - offset_s, 2)
            words = "the video's times do not fit the telemetry's"
            _log.warning(words, code="vision.time_offset", offset_s=round(offset_s, 3), latency_s_would_be=better_s)
        if news:
            self._offset_s = offset_s

    def _view(self, frame: Frame, captured_unix_s: float) -> View | None:
        """Distances in the frame by the pose known by now; nobody waits for a better one to choose tiles."""
        pose = self._inbox.pose_at(captured_unix_s, 0.0)
        if pose is None:
            return None
        locator = self._situation.locator(frame)
        return View(locator.camera.focal_px, ranges_by(pose, locator))

    def _look_for_heat(self) -> None:
        """The newest thermal frame, where there is such a camera."""
        eye, source = self._eyes.thermal, self._eyes.thermal_source
        frame = source.slot.take(0.0) if source is not None else None
        if eye is None or frame is None:
            return
        self._thermal_at_s = time.monotonic()
        if not self._watch.on or frame.captured_unix_s is None:
            return
        pose = self._inbox.pose_at(frame.captured_unix_s, max(_POSE_WAIT_MIN_S, _POSE_WAIT_S / self._clock.base.rate))
        if pose is None:
            return
        observation = eye.look(frame, pose, self._situation.locator(frame, eye.camera))
        steady = pose.turn_deg_s <= TURN_MAX_DEG_S
        changes = self._situation.update(frame, observation, pose, steady=steady, camera=eye.camera)
        for sighting in self._reporter.sightings(changes, self._situation, frame, observation, pose):
            self._send(sighting.model_dump_json())

    def _tell_status(self) -> None:
        now_s = time.monotonic()
        if now_s < self._status_due_s:
            return
        if now_s >= self._give_back_due_s:
            self._give_back_due_s = now_s + _GIVE_BACK_INTERVAL_S
            give_back()
        self._status_due_s = now_s + max(_STATUS_INTERVAL_MIN_S, _STATUS_INTERVAL_S / self._clock.base.rate)
        unix_s = self._clock.unix_s()
        recent = [moment for moment in self._moments if unix_s - moment <= 10.0]
        span_s = unix_s - recent[0] if len(recent) > 1 else 0.0
        status = VisionStatus(
            at=utc_from_unix(unix_s),
            frames=self._frames,
            dropped=self._source.slot.dropped,
            frames_per_s=round((len(recent) - 1) / span_s, 2) if span_s > 0 else 0.0,
            latency_s=round(median(self._latencies_s), 3) if self._latencies_s else None,
            health=self._codes(now_s),
            models={n.manifest.name: n.manifest.sha256 for n in self._perception.networks},
            rss_mb=resident_mb(),
            time_offset_s=None if self._offset_s is None else round(self._offset_s, 3),
        )
        self._send(status.model_dump_json())

    def _codes(self, now_s: float) -> tuple[str, ...]:
        """What is wrong now. Time limits count the computer's seconds, as its work does."""
        slow_s = median(self._latencies_s) / self._clock.base.rate if self._latencies_s else 0.0
        silent = now_s - self._frame_at_s > _NO_VIDEO_AFTER_S
        rows = (
            ("vision.no_video", silent),
            ("vision.no_pose", self._watch.on and not silent and now_s - self._pose_at_s > _NO_POSE_AFTER_S),
            ("vision.no_thermal", self._eyes.thermal is not None and now_s - self._thermal_at_s > _NO_VIDEO_AFTER_S),
            ("vision.lens_dirty", self._watch.on and self._lens.dirty),
            ("vision.time_offset", self._watch.on and abs(self._offset_s or 0.0) > self._offset_most_s),
            ("vision.slow", self._watch.on and slow_s > _SLOW_S),
            ("vision.evidence_failed", self._reporter.evidence_failed),
            ("vision.provider_missing", any(network.missing_providers for network in self._perception.networks)),
        )
        own = tuple(code for code, wrong in rows if wrong)
        return own if silent else own + self._health.codes()
