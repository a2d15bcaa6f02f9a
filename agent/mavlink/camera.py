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

_ABILITIES = MappingProxyType({"records": 1, "takes_pictures": 2, "zooms": 64, "focuses": 128})  # CAMERA_CAP_FLAGS
_STORAGE_READY = 2  # STORAGE_STATUS: empty, unformatted, ready
_MB_PER_MIB = 1.048576


def _information(telemetry: Telemetry, frame: Frame, _: object) -> Telemetry:
    """CAMERA_INFORMATION."""
    body, own = frame.body, frame.component != AUTOPILOT_COMPONENT
    name = " ".join(filter(None, (_words(body.vendor_name), _words(body.model_name))))
    can = {ability: bool(int(body.flags) & flag) for ability, flag in _ABILITIES.items()}
    new = Camera(frame.at_s, "", takes_pictures=False, confirms=False, component=frame.component)
    known = _of(telemetry, frame.component) or new
    return _with(telemetry, replace(known, at_s=frame.at_s, name=name, confirms=own and can["takes_pictures"], **can))


def _of(telemetry: Telemetry, component: int) -> Camera | None:
    return next((camera for camera in telemetry.cameras if camera.component == component), None)


def _with(telemetry: Telemetry, camera: Camera) -> Telemetry:
    """Takes a camera in. Those that report their pictures come first; beside one, the autopilot's word counts no more."""
    known = {one.component: one for one in (*telemetry.cameras, camera)}
    if any(one.confirms for one in known.values()):
        known.pop(AUTOPILOT_COMPONENT, None)
    first, *others = sorted(known.values(), key=lambda one: (not one.confirms, one.component))
    return replace(telemetry, camera=first, other_cameras=tuple(others))


def _capture_status(telemetry: Telemetry, frame: Frame, _: object) -> Telemetry:
    """CAMERA_CAPTURE_STATUS of a camera that is known."""
    camera = _of(telemetry, frame.component)
    if camera is None:
        return telemetry
    return _with(telemetry, replace(camera, at_s=frame.at_s, pictures=int(frame.body.image_count)))


def _storage(telemetry: Telemetry, frame: Frame, _: object) -> Telemetry:
    """STORAGE_INFORMATION, MiB on the wire."""
    body, camera = frame.body, _of(telemetry, frame.component)
    if camera is None or not math.isfinite(body.available_capacity):
        return telemetry
    free_mb = body.available_capacity * _MB_PER_MIB if body.status == _STORAGE_READY else 0.0
    return _with(telemetry, replace(camera, storage_free_mb=free_mb))


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
