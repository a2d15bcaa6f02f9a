"""A book of the pictures that cameras report (camera protocol, version 2).

CAMERA_IMAGE_CAPTURED comes once per picture and may be lost; numbers tell which are missing, and those are asked for again.
ArduPilot reports its own shutters by CAMERA_FEEDBACK instead, of which it remembers only the last.
"""

import bisect
import math
from collections import deque
from dataclasses import dataclass, field
from types import MappingProxyType

from agent.core.geo import LatLon
from agent.domain.camera import Capture, CaptureResult
from agent.mavlink.codec import Frame
from agent.mavlink.enums import AUTOPILOT_COMPONENT
from agent.mavlink.scale import lat_lon

_KEPT = 64
_NUMBERS_KEPT = 512
_CLOCK_SLACK_S = 0.5  # reports of one camera are apart by more than this, or were numbered anew
_DELAY_MOST_S = 15.0
_ASK_MOST = 32  # numbers of one gap; a larger one is a camera that counts in its own way
_ASK_TIMES = 4
_ASK_AGAIN_S = 1.5


@dataclass(frozen=True, slots=True)
class Wanted:
    """A report to be asked for with REQUEST_MESSAGE."""

    component: int
    message: str
    index: int


@dataclass(slots=True)
class _Series:
    """The pictures of one camera since it last began to count."""

    camera: str
    numbering: int
    clock_s: float = math.inf  # the loop's time less the camera's; the least seen is the one with the least delay
    numbers: list[int] = field(default_factory=list)  # heard, in order
    stamps: list[float] = field(default_factory=list)  # the camera's time of each, same order

    def begins_anew(self, index: int, stamp_s: float, at_s: float, *, asked: bool) -> bool:
        """Whether this report can only come from a camera that counts anew: numbers and times contradict each other.

        One that is older than all that is known, much delayed, and that nobody asked for, is a camera's that restarted.
        """
        at = bisect.bisect_left(self.numbers, index)
        if at < len(self.numbers) and self.numbers[at] == index:
            return abs(self.stamps[at] - stamp_s) > _CLOCK_SLACK_S
        if at == 0 and not asked and at_s - self.clock_s - stamp_s > _DELAY_MOST_S:
            return stamp_s > 0.0
        later = at < len(self.stamps) and stamp_s > self.stamps[at] + _CLOCK_SLACK_S
        return later or (at > 0 and stamp_s < self.stamps[at - 1] - _CLOCK_SLACK_S)

    def take(self, index: int, stamp_s: float) -> bool:
        """Takes a number in; False where it is known already."""
        at = bisect.bisect_left(self.numbers, index)
        if at < len(self.numbers) and self.numbers[at] == index:
            return False
        self.numbers.insert(at, index)
        self.stamps.insert(at, stamp_s)
        del self.numbers[:-_NUMBERS_KEPT], self.stamps[:-_NUMBERS_KEPT]
        return True


@dataclass(frozen=True, slots=True)
class _Report:
    """One report as it came. stamp_s is the camera's own time; 0 where it has none."""

    message: str
    camera: str
    index: int
    stamp_s: float
    place: LatLon | None
    result: CaptureResult


class CaptureBook:
    """Every picture that was reported, each once, whatever the link did to the reports."""

    def __init__(self) -> None:
        self._captures: deque[Capture] = deque(maxlen=_KEPT)
        self._series: dict[tuple[int, str, str], _Series] = {}
        self._wanted: dict[Wanted, tuple[int, float]] = {}  # how often asked, when last
        self._counts: dict[int, int] = {}  # CAMERA_CAPTURE_STATUS.image_count by component

    @property
    def captures(self) -> tuple[Capture, ...]:
        """The newest, in the order in which they were heard."""
        return tuple(self._captures)

    def take(self, frame: Frame) -> bool:
        """Takes a frame in; True where it told of a picture that was not known."""
        if frame.name == "CAMERA_CAPTURE_STATUS":
            self._count(frame)
            return False
        read = _READERS.get(frame.name)
        report = read(frame) if read is not None else None
        return report is not None and self._enter(frame, report)

    def _enter(self, frame: Frame, report: _Report) -> bool:
        key = (frame.component, report.message, report.camera)
        asked = self._wanted.pop(Wanted(frame.component, report.message, report.index), None) is not None
        series = self._series.get(key)
        if series is None or series.begins_anew(report.index, report.stamp_s, frame.at_s, asked=asked):
            series = self._series[key] = _Series(report.camera, 0 if series is None else series.numbering + 1)
        newest = series.numbers[-1] if series.numbers else None
        if not series.take(report.index, report.stamp_s):
            return False
        series.clock_s = min(series.clock_s, frame.at_s - report.stamp_s)
        taken_s = frame.at_s if report.stamp_s == 0.0 else report.stamp_s + series.clock_s
        self._captures.append(Capture(report.camera, series.numbering, report.index, taken_s, report.place, report.result))
        if newest is not None and report.message == "CAMERA_IMAGE_CAPTURED":
            self._want(frame.component, report.message, range(newest + 1, report.index))
        return True

    def _count(self, frame: Frame) -> None:
        """Pictures that the camera has counted and nobody has heard of. Those taken before it was first heard do not matter."""
        count, before = int(frame.body.image_count), self._counts.get(frame.component)
        self._counts[frame.component] = count
        if before is None or count <= before:
            return
        ours = {key: series for key, series in self._series.items() if key[0] == frame.component}
        if len(ours) > 1:
            return  # the status does not say which camera it speaks of
        own = frame.component != AUTOPILOT_COMPONENT
        message = next((key[1] for key in ours), "CAMERA_IMAGE_CAPTURED" if own else "CAMERA_FEEDBACK")
        newest = max((series.numbers[-1] for series in ours.values()), default=-1)
        if message == "CAMERA_FEEDBACK":
            self._want(
                frame.component, message, range(max(newest + 1, count), count + 1)
            )  # numbered from 1; only the last is kept
        else:
            self._want(frame.component, message, range(max(newest + 1, before), count))  # numbered from 0

    def _want(self, component: int, message: str, numbers: range) -> None:
        for index in numbers[-_ASK_MOST:]:
            self._wanted.setdefault(Wanted(component, message, index), (0, -math.inf))

    def due(self, now_s: float) -> list[Wanted]:
        """What is to be asked for now. Each is asked a few times; what then has not come is given up."""
        due = [want for want, (_, asked_s) in self._wanted.items() if now_s - asked_s >= _ASK_AGAIN_S]
        for want in due:
            times, _ = self._wanted[want]
            self._wanted[want] = (times + 1, now_s)
        given_up = [want for want in due if self._wanted[want][0] > _ASK_TIMES]
        for want in given_up:
            del self._wanted[want]
        return [want for want in due if want not in given_up]


def _image_captured(frame: Frame) -> _Report:
    """CAMERA_IMAGE_CAPTURED. PX4 sends it for its own trigger too, as a success: it knows that the shutter was released."""
    body = frame.body
    results = {1: CaptureResult.TAKEN, 0: CaptureResult.FAILED}
    result = results.get(int(body.capture_result), CaptureResult.TRIGGERED)
    if frame.component == AUTOPILOT_COMPONENT:
        result = CaptureResult.TRIGGERED
    place = _place(int(body.lat), int(body.lon))
    camera = f"{frame.component}.{int(body.camera_id)}"
    return _Report(frame.name, camera, int(body.image_index), body.time_boot_ms / 1000.0, place, result)


def _feedback(frame: Frame) -> _Report:
    """CAMERA_FEEDBACK of ArduPilot. It counts completed pictures only where a feedback pin tells of them."""
    body = frame.body
    return _Report(
        frame.name,
        f"shutter {int(body.cam_idx)}",
        int(body.img_idx),
        body.time_usec / 1e6,
        _place(int(body.lat), int(body.lng)),
        CaptureResult.TAKEN if body.completed_captures > 0 else CaptureResult.TRIGGERED,
    )


_READERS = MappingProxyType({"CAMERA_IMAGE_CAPTURED": _image_captured, "CAMERA_FEEDBACK": _feedback})
_NO_PLACE = 2**31 - 1


def _place(lat_e7: int, lon_e7: int) -> LatLon | None:
    unknown = (lat_e7, lon_e7) == (0, 0) or _NO_PLACE in {lat_e7, lon_e7} or abs(lat_e7) > 900_000_000
    return None if unknown else lat_lon(lat_e7, lon_e7)


REPORTS = frozenset({*_READERS, "CAMERA_CAPTURE_STATUS"})
"""Names of the messages that :meth:`CaptureBook.take` reads."""
