"""Cameras by command (camera protocol, version 2): pictures, zoom, focus, recording; each only where a camera says it can.

A picture counts when its camera reports it. A report that is lost is asked for again by ``payload.py``; a picture that failed,
or of which nothing is ever heard, is taken again.
"""

import asyncio
from collections.abc import Sequence
from typing import Literal

from agent.core.outcome import Accepted, Outcome, Refused
from agent.domain.camera import Camera, Capture, CaptureResult
from agent.domain.telemetry import Telemetry
from agent.mavlink.commands import Command
from agent.mavlink.enums import AUTOPILOT_COMPONENT, Cmd, Result
from agent.vehicle.session import Session

Ability = Literal["zooms", "focuses", "records", "takes_pictures"]
_RANGE, _AUTO = 2.0, 4.0  # CAMERA_ZOOM_TYPE and SET_FOCUS_TYPE: percent of the whole; SET_FOCUS_TYPE: by itself, once
_TRIES = 3
_BUSY_S = 1.0
_REPORT_S = 8.0  # a status each two seconds tells that one is missing, and the report is then asked for, several times
_PROOF = {CaptureResult.TAKEN: "captured", CaptureResult.TRIGGERED: "triggered"}


class Cameras:
    """The cameras of one drone.

    Args:
        session: the drone.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._sequence = 0

    async def take_pictures(self) -> Outcome:
        """One picture with each camera. The words are what proves the weakest: ``captured`` or ``triggered``."""
        cameras = [camera for camera in self._session.telemetry.cameras if camera.takes_pictures]
        if not cameras:
            return Refused("camera.none", "no camera says that it takes pictures")
        outcomes = [await self._picture(camera) for camera in cameras]
        refused = next((outcome for outcome in outcomes if isinstance(outcome, Refused)), None)
        return refused or Accepted(max(outcome.words for outcome in outcomes))

    async def _picture(self, camera: Camera) -> Outcome:
        words = ""
        for _ in range(_TRIES):
            before = {capture.key for capture in self._session.telemetry.captures}
            self._sequence += 1  # by which a camera tells a repeated command from a second one
            order = (0.0, 0.0, 1.0, float(self._sequence))
            answer = await self._session.commander.execute(
                Command(Cmd.IMAGE_START_CAPTURE, order, component=camera.component, attempts=3)
            )
            if answer.result is Result.TEMPORARILY_REJECTED:
                words = "it is busy"
                await asyncio.sleep(_BUSY_S)
                continue
            if answer.result is not None and not answer.accepted:
                return Refused("camera.refused", f"{_name(camera)}: {answer.reason}")
            capture = await self._report(camera, before)
            if capture is not None and capture.result in _PROOF:
                return Accepted(_PROOF[capture.result])
            words = "nothing was heard of it" if capture is None else "it failed"
        return Refused("camera.no_picture", f"{_name(camera)}: {words}, {_TRIES} times")

    async def _report(self, camera: Camera, before: set[tuple[str, int, int]]) -> Capture | None:
        """The report of a picture of this camera that was not known before."""

        def new(telemetry: Telemetry) -> Sequence[Capture]:
            return [c for c in telemetry.captures if c.key not in before and _took(camera, c)]

        if not await self._session.until(lambda telemetry: bool(new(telemetry)), _REPORT_S):
            return None
        return new(self._session.telemetry)[0]

    async def zoom(self, share: float) -> Outcome:
        """0 is the widest, 1 the longest that the camera has."""
        return await self._order("zooms", Cmd.SET_CAMERA_ZOOM, (_RANGE, 100.0 * share))

    async def focus(self, share: float | None) -> Outcome:
        """0 is nearest, 1 infinity; None lets the camera focus once by itself."""
        return await self._order("focuses", Cmd.SET_CAMERA_FOCUS, (_AUTO,) if share is None else (_RANGE, 100.0 * share))

    async def record(self, *, on: bool) -> Outcome:
        """Begins or ends a video on the camera's own storage. Neither does harm twice."""
        return await self._order("records", Cmd.VIDEO_START_CAPTURE if on else Cmd.VIDEO_STOP_CAPTURE, ())

    async def _order(self, ability: Ability, command: Cmd, params: tuple[float, ...]) -> Outcome:
        """To the first camera that says that it can."""
        camera = next((camera for camera in self._session.telemetry.cameras if getattr(camera, ability)), None)
        if camera is None:
            return Refused("camera.cannot", f"no camera says that it {ability.replace('_', ' ')}")
        answer = await self._session.commander.execute(Command(command, params, component=camera.component))
        return Accepted() if answer.accepted else Refused("camera.refused", f"{_name(camera)}: {answer.reason}")


def _name(camera: Camera) -> str:
    return camera.name or f"camera {camera.component}"


def _took(camera: Camera, capture: Capture) -> bool:
    """Whether this camera took it. Shutters that an autopilot releases are reported without its component."""
    if camera.component == AUTOPILOT_COMPONENT:
        return capture.camera.startswith(("shutter ", f"{AUTOPILOT_COMPONENT}."))
    return capture.camera.startswith(f"{camera.component}.")
