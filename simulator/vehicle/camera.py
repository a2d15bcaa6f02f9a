"""The autopilot's shutter, and a camera that speaks for itself.

The autopilot releases shutters (CAM1_TYPE 1 and 2) and reports that. A camera that speaks MAVLink (CAM1_TYPE 6) is a component
of its own on the same links, with its own clock, numbers and storage.

Knows pictures and the camera protocol; must not know what the autopilot flies.
"""

import math
from collections.abc import Callable, Sequence
from typing import Final

from simulator.vehicle.craft import Craft
from simulator.vehicle.payload import Gimbal
from simulator.vehicle.trajectory import Vector
from simulator.vehicle.wire import CAMERA_COMPONENT, Message, clamp_int, e7, mavlink, quaternion

NONE, SPEAKS_MAVLINK = 0, 6
"""CAM1_TYPE."""
_ACCEPTED, _DENIED, _FAILED = int(mavlink.MAV_RESULT_ACCEPTED), int(mavlink.MAV_RESULT_DENIED), int(mavlink.MAV_RESULT_FAILED)
_UNSUPPORTED = int(mavlink.MAV_RESULT_UNSUPPORTED)
_RANGE: Final = 2  # CAMERA_ZOOM_TYPE and SET_FOCUS_TYPE: percent
_FOCUS_BY_ITSELF: Final = (4, 5, 6)  # SET_FOCUS_TYPE
_CAN: Final = int(
    mavlink.CAMERA_CAP_FLAGS_CAPTURE_IMAGE
    | mavlink.CAMERA_CAP_FLAGS_CAPTURE_VIDEO
    | mavlink.CAMERA_CAP_FLAGS_HAS_BASIC_ZOOM
    | mavlink.CAMERA_CAP_FLAGS_HAS_BASIC_FOCUS
)
_SILENT, _SAYS_SO = 1, 2  # SIM_CAM_FAIL
_STORES_S: Final = 0.4  # from the shutter to the report
_BOOTS_LATER_S: Final = 1.5  # its clock is not the autopilot's
_STORAGE_MIB: Final = 32_000.0
_PICTURE_MIB: Final = 8.0
_I32: Final = (-(2**31), 2**31 - 1)


class Shutter:
    """The autopilot's camera: releases by command, by time or by distance, and counts.

    Args:
        craft: for where a picture is taken.
        unix_usec: product time.
        emit: sends to every ground station.
        camera: what a camera that speaks MAVLink does at a release.
    """

    def __init__(
        self, craft: Craft, unix_usec: Callable[[], int], emit: Callable[[Message], None], camera: Callable[[], object]
    ) -> None:
        self._craft, self._unix_usec, self._emit, self._camera = craft, unix_usec, emit, camera
        self.taken = 0
        self.interval_s = 0.0
        self.left = 0
        self.last: Message | None = None
        self._next_s = 0.0
        self._distance_m = 0.0
        self._last_place: Vector | None = None

    def start(self, interval_s: float, count: int) -> None:
        """Takes count pictures (0: until stopped), one now."""
        self.interval_s = max(interval_s, 0.1)
        self.left = count if count > 0 else -1
        self._next_s = self._craft.time_s

    def stop(self) -> None:
        """Ends a series."""
        self.left = 0

    def by_distance(self, distance_m: float, *, now: bool) -> None:
        """A picture each so many metres; 0 ends it."""
        self._distance_m = max(distance_m, 0.0)
        self._last_place = self._craft.position()
        if now and self._distance_m > 0:
            self.shoot()

    def step(self) -> None:
        """Takes what is due."""
        if self.left and self._craft.time_s >= self._next_s:
            self._next_s += self.interval_s
            self.left -= 1 if self.left > 0 else 0
            self.shoot()
        if self._distance_m > 0.0 and self._last_place is not None:
            here = self._craft.position()
            if math.dist(here, self._last_place) >= self._distance_m:
                self._last_place = here
                self.shoot()

    def shoot(self) -> None:
        """One release, told by CAMERA_FEEDBACK. With a feedback pin the camera must obey for that to be sent."""
        self.taken += 1
        values = self._craft.parameters
        if values["CAM1_TYPE"] == SPEAKS_MAVLINK:
            self._camera()
        pin = values["CAM1_FEEDBAK_PIN"] > 0
        if not (pin and values["SIM_CAM_FAIL"]):
            self.last = self._feedback(completed=self.taken % 65536 if pin else 0)
            self._emit(self.last)

    def _feedback(self, completed: int) -> Message:
        craft, body = self._craft, self._craft.body
        here = craft.position()
        place = craft.latlon_of(here)
        return mavlink.MAVLink_camera_feedback_message(
            self._unix_usec(), 0, 0, self.taken % 65536, e7(place.lat_deg), e7(place.lon_deg), craft.alt_amsl_m(here),
            here[2] - craft.home_up_m, math.degrees(body.roll), math.degrees(body.pitch), math.degrees(body.yaw) % 360.0, 0.0,
            0, completed,
        )  # fmt: skip

    def information(self) -> Message | None:
        """CAMERA_INFORMATION by the autopilot, which knows only that it can take pictures."""
        if self._craft.parameters["CAM1_TYPE"] == NONE:
            return None
        return _information(int(self._craft.time_s * 1000), "", "", mavlink.CAMERA_CAP_FLAGS_CAPTURE_IMAGE)

    def capture_status(self) -> Message | None:
        """CAMERA_CAPTURE_STATUS by the autopilot."""
        if self._craft.parameters["CAM1_TYPE"] == NONE:
            return None
        state, interval_s = 2 if self.left > 0 else 0, self.interval_s if self.left else 0.0
        return mavlink.MAVLink_camera_capture_status_message(
            int(self._craft.time_s * 1000), state, 0, interval_s, 0, math.nan, self.taken
        )

    def settings(self) -> Message | None:
        """CAMERA_SETTINGS by the autopilot."""
        if self._craft.parameters["CAM1_TYPE"] == NONE:
            return None
        return mavlink.MAVLink_camera_settings_message(int(self._craft.time_s * 1000), 0, math.nan, math.nan)


class Camera:
    """A camera that speaks MAVLink, a component of its own, numbering its pictures from 0.

    Args:
        craft: for where a picture is taken.
        gimbal: for where it looks.
        unix_usec: product time.
        emit: sends a frame to every ground station.
        thermal: a second one beside the first, which takes pictures only.
    """

    def __init__(
        self,
        craft: Craft,
        gimbal: Gimbal,
        unix_usec: Callable[[], int],
        emit: Callable[[bytes], None],
        system: int,
        *,
        thermal: bool = False,
    ) -> None:
        self._craft, self._gimbal, self._unix_usec, self._emit = craft, gimbal, unix_usec, emit
        self.component = CAMERA_COMPONENT + int(thermal)
        self._thermal = thermal
        self._codec = mavlink.MAVLink(None, srcSystem=system, srcComponent=self.component)
        self._pictures: list[Message] = []
        self._waiting: list[tuple[float, Message]] = []
        self._sequence = 0
        self._beat_s = 0.0
        self._recording = False
        self._zoom = self._focus = math.nan if thermal else 0.0

    @property
    def there(self) -> bool:
        """Whether the drone carries one."""
        values = self._craft.parameters
        return values["CAM1_TYPE"] == SPEAKS_MAVLINK and (not self._thermal or values["SIM_CAM_THERMAL"] > 0)

    def step(self) -> None:
        """Heartbeat, and the reports of what is stored by now."""
        if not self.there:
            return
        now_s = self._craft.time_s
        if now_s >= self._beat_s:
            self._beat_s = now_s + 1.0
            self._send(mavlink.MAVLink_heartbeat_message(mavlink.MAV_TYPE_CAMERA, mavlink.MAV_AUTOPILOT_INVALID, 0, 0, 4, 3))
        for _, picture in [entry for entry in self._waiting if entry[0] <= now_s]:
            self._send(picture)
        self._waiting = [entry for entry in self._waiting if entry[0] > now_s]

    def shoot(self) -> bool:
        """One picture; False where it cannot."""
        fault = int(self._craft.parameters["SIM_CAM_FAIL"])
        if fault == _SILENT:
            return False
        craft, here = self._craft, self._craft.position()
        place, yaw_deg = craft.latlon_of(here), self._gimbal.yaw_from_north_deg
        q = quaternion(0.0, math.radians(self._gimbal.pitch_deg), math.radians(yaw_deg))
        picture = mavlink.MAVLink_camera_image_captured_message(
            self._boot_ms(), self._unix_usec(), 0, e7(place.lat_deg), e7(place.lon_deg),
            clamp_int(craft.alt_amsl_m(here) * 1000, *_I32), clamp_int((here[2] - craft.home_up_m) * 1000, *_I32), q,
            len(self._pictures), 0 if fault == _SAYS_SO else 1, b"",
        )  # fmt: skip
        self._pictures.append(picture)
        self._waiting.append((craft.time_s + _STORES_S, picture))
        return True

    def handle(self, message: Message) -> None:
        """A message addressed to it: commands only."""
        if message.get_type() != "COMMAND_LONG":
            return
        params = tuple(float(getattr(message, f"param{number}")) for number in range(1, 5))
        result = self._obey(int(message.command), params)
        peer = (message.get_srcSystem(), message.get_srcComponent())
        self._send(mavlink.MAVLink_command_ack_message(message.command, result, 0, 0, *peer))

    def _obey(self, command: int, params: Sequence[float]) -> int:
        if command == mavlink.MAV_CMD_REQUEST_MESSAGE:
            return self._request(int(params[0]), int(params[1]))
        if command == mavlink.MAV_CMD_IMAGE_START_CAPTURE:
            return self._start_capture(int(params[3]))
        order = None if self._thermal else _LENS_AND_VIDEO.get(command)
        return _UNSUPPORTED if order is None else order(self, params)

    def _record(self, params: Sequence[float]) -> int:  # noqa: ARG002 an order's signature
        self._recording = True
        return _ACCEPTED

    def _stop(self, params: Sequence[float]) -> int:  # noqa: ARG002 an order's signature
        self._recording = False
        return _ACCEPTED

    def _set_zoom(self, params: Sequence[float]) -> int:
        return self._set_lens("_zoom", params)

    def _set_focus(self, params: Sequence[float]) -> int:
        return _ACCEPTED if int(params[0]) in _FOCUS_BY_ITSELF else self._set_lens("_focus", params)

    def _start_capture(self, sequence: int) -> int:
        """One picture. A command that repeats the number of the one before is the same one."""
        if 0 < sequence == self._sequence:
            return _ACCEPTED
        self._sequence = sequence
        return _ACCEPTED if self.shoot() else _FAILED

    def _set_lens(self, what: str, params: Sequence[float]) -> int:
        """Percent of the whole range; it has no steps and no motor to keep running."""
        if int(params[0]) != _RANGE:
            return _UNSUPPORTED
        if not 0.0 <= params[1] <= 100.0:
            return _DENIED
        setattr(self, what, params[1])
        return _ACCEPTED

    def _request(self, message_id: int, index: int) -> int:
        if message_id == mavlink.MAVLINK_MSG_ID_CAMERA_IMAGE_CAPTURED:
            if not 0 <= index < len(self._pictures):
                return _DENIED
            self._send(self._pictures[index])
            return _ACCEPTED
        build = _REQUESTS.get(message_id)
        if build is None:
            return _DENIED
        self._send(build(self))
        return _ACCEPTED

    def information(self) -> Message:
        """CAMERA_INFORMATION."""
        if self._thermal:
            return _information(self._boot_ms(), "nest-sim", "thermal", mavlink.CAMERA_CAP_FLAGS_CAPTURE_IMAGE)
        return _information(self._boot_ms(), "nest-sim", "camera", _CAN)

    def capture_status(self) -> Message:
        """CAMERA_CAPTURE_STATUS."""
        return mavlink.MAVLink_camera_capture_status_message(
            self._boot_ms(), 0, int(self._recording), 0.0, 0, self._free_mib(), len(self._pictures)
        )

    def storage(self) -> Message:
        """STORAGE_INFORMATION."""
        free = self._free_mib()
        return mavlink.MAVLink_storage_information_message(
            self._boot_ms(), 1, 1, mavlink.STORAGE_STATUS_READY, _STORAGE_MIB, _STORAGE_MIB - free, free, math.nan, math.nan
        )

    def settings(self) -> Message:
        """CAMERA_SETTINGS: pictures, and how far it is zoomed and focused."""
        return mavlink.MAVLink_camera_settings_message(self._boot_ms(), mavlink.CAMERA_MODE_IMAGE, self._zoom, self._focus)

    def _free_mib(self) -> float:
        return max(0.0, _STORAGE_MIB - _PICTURE_MIB * len(self._pictures))

    def _boot_ms(self) -> int:
        return max(0, int((self._craft.time_s - _BOOTS_LATER_S) * 1000))

    def _send(self, message: Message) -> None:
        self._emit(bytes(message.pack(self._codec)))
        self._codec.seq = (self._codec.seq + 1) % 256


_LENS_AND_VIDEO: Final[dict[int, Callable[[Camera, Sequence[float]], int]]] = {
    mavlink.MAV_CMD_VIDEO_START_CAPTURE: Camera._record,  # noqa: SLF001 its own table
    mavlink.MAV_CMD_VIDEO_STOP_CAPTURE: Camera._stop,  # noqa: SLF001
    mavlink.MAV_CMD_SET_CAMERA_ZOOM: Camera._set_zoom,  # noqa: SLF001
    mavlink.MAV_CMD_SET_CAMERA_FOCUS: Camera._set_focus,  # noqa: SLF001
}
_REQUESTS: Final[dict[int, Callable[[Camera], Message]]] = {
    mavlink.MAVLINK_MSG_ID_CAMERA_INFORMATION: Camera.information,
    mavlink.MAVLINK_MSG_ID_CAMERA_CAPTURE_STATUS: Camera.capture_status,
    mavlink.MAVLINK_MSG_ID_STORAGE_INFORMATION: Camera.storage,
    mavlink.MAVLINK_MSG_ID_CAMERA_SETTINGS: Camera.settings,
}


def _information(boot_ms: int, vendor: str, model: str, flags: int) -> Message:
    names = [list(name.encode().ljust(32, b"\x00")) for name in (vendor, model)]
    return mavlink.MAVLink_camera_information_message(
        boot_ms, *names, 0, math.nan, math.nan, math.nan, 0, 0, 0, flags, 0, b"", 1
    )
