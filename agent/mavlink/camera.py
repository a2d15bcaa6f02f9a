"""The camera protocol, version 2: what cameras say of themselves. Pictures are counted in ``captures.py``.

A camera is a component of its own (100 to 105), or the autopilot speaks for it.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

from agent.domain.camera import Camera
from agent.domain.telemetry import Telemetry
from agent.mavlink.codec import Frame, text_of
from agent.mavlink.enums import AUTOPILOT_COMPONENT

_CAPTURES_IMAGE = 2  # CAMERA_CAP_FLAGS
_STORAGE_READY = 2  # STORAGE_STATUS: empty, unformatted, ready
_MB_PER_MIB = 1.048576


def _information(telemetry: Telemetry, frame: Frame, _: object) -> Telemetry:
    """CAMERA_INFORMATION. Where the autopilot speaks for a camera that speaks for itself, the camera counts."""
    body, own = frame.body, frame.component != AUTOPILOT_COMPONENT
    before = telemetry.camera
    if before is not None and before.confirms and not own:
        return telemetry
    name = " ".join(filter(None, (_words(body.vendor_name), _words(body.model_name))))
    known = before or Camera(frame.at_s, "", takes_pictures=False, confirms=False)
    takes = bool(int(body.flags) & _CAPTURES_IMAGE)
    return replace(telemetry, camera=replace(known, at_s=frame.at_s, name=name, takes_pictures=takes, confirms=own and takes))


def _capture_status(telemetry: Telemetry, frame: Frame, _: object) -> Telemetry:
    """CAMERA_CAPTURE_STATUS of the camera that is known."""
    if telemetry.camera is None or telemetry.camera.confirms == (frame.component == AUTOPILOT_COMPONENT):
        return telemetry
    return replace(telemetry, camera=replace(telemetry.camera, at_s=frame.at_s, pictures=int(frame.body.image_count)))


def _storage(telemetry: Telemetry, frame: Frame, _: object) -> Telemetry:
    """STORAGE_INFORMATION, MiB on the wire."""
    body = frame.body
    if telemetry.camera is None or not math.isfinite(body.available_capacity):
        return telemetry
    free_mb = body.available_capacity * _MB_PER_MIB if body.status == _STORAGE_READY else 0.0
    return replace(telemetry, camera=replace(telemetry.camera, storage_free_mb=free_mb))


def _words(value: object) -> str:
    """A name in an array of bytes."""
    return text_of(bytes(value)).strip() if isinstance(value, list | tuple | bytes) else ""


CAMERA_FOLDS: Mapping[str, Callable[[Telemetry, Frame, object], Telemetry]] = MappingProxyType(
    {
        "CAMERA_INFORMATION": _information,
        "CAMERA_CAPTURE_STATUS": _capture_status,
        "STORAGE_INFORMATION": _storage,
    }
)
"""What each message changes in the telemetry."""
