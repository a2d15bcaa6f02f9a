"""A camera gimbal with its own computer, as it hangs below a real drone: MAVLink's gimbal protocol v2, device side.

https://mavlink.io/en/services/gimbal_v2.html . Holds its pitch against the horizon and turns with a limited rate. Bytes in,
bytes out; must not know sockets.
"""

import math
from collections.abc import Sequence
from typing import Any, Final

from simulator.sitl.frames import message_id
from simulator.vehicle.wire import SYSTEM_ID, Message, mavlink, quaternion

COMPONENT: Final = int(mavlink.MAV_COMP_ID_GIMBAL)
STEP_S: Final = 0.05
_RATE_RAD_S: Final = math.radians(60.0)
_PITCH_LEAST_RAD, _PITCH_MOST_RAD = math.radians(-90.0), math.radians(20.0)
_LEVEL = int(mavlink.GIMBAL_DEVICE_FLAGS_ROLL_LOCK | mavlink.GIMBAL_DEVICE_FLAGS_PITCH_LOCK)
_LOCK = int(mavlink.GIMBAL_DEVICE_FLAGS_YAW_LOCK)
_YAW_IN_VEHICLE_FRAME, _YAW_IN_EARTH_FRAME = 32, 64  # GIMBAL_DEVICE_FLAGS, newer than the generated dialect
_HEARTBEAT_STEPS = round(1.0 / STEP_S)


class GimbalDevice:
    """The gimbal. Angles in radians; yaw from the nose, as it is reported too."""

    def __init__(self) -> None:
        self._mav: Any = mavlink.MAVLink(None, srcSystem=SYSTEM_ID, srcComponent=COMPONENT)
        self._reader: Any = mavlink.MAVLink(None)
        self._reader.robust_parsing = True
        self.pitch_rad = self.yaw_rad = 0.0
        self._want_pitch_rad = self._want_yaw_rad = 0.0
        self._locked = False  # the wanted yaw is from north
        self._heading_rad = 0.0
        self._steps = 0
        self._handlers = {
            mavlink.MAVLINK_MSG_ID_COMMAND_LONG: self._on_command,
            mavlink.MAVLINK_MSG_ID_GIMBAL_DEVICE_SET_ATTITUDE: self._on_set_attitude,
            mavlink.MAVLINK_MSG_ID_AUTOPILOT_STATE_FOR_GIMBAL_DEVICE: self._on_state,
        }

    def hear(self, frame: bytes) -> Sequence[bytes]:
        """Takes a frame of the autopilot's in; gives the answers."""
        handler = self._handlers.get(message_id(frame))
        messages = self._reader.parse_buffer(frame) or [] if handler is not None else []
        if handler is None or not messages or messages[0].get_type() == "BAD_DATA":
            return ()
        return [self._packed(answer) for answer in handler(messages[0])]

    def step(self) -> Sequence[bytes]:
        """Turns for :data:`STEP_S` and gives what is then reported."""
        want_yaw = self._want_yaw_rad - (self._heading_rad if self._locked else 0.0)
        want_pitch = min(max(self._want_pitch_rad, _PITCH_LEAST_RAD), _PITCH_MOST_RAD)
        most = _RATE_RAD_S * STEP_S
        self.pitch_rad += min(max(want_pitch - self.pitch_rad, -most), most)
        self.yaw_rad = _wrapped(self.yaw_rad + min(max(_wrapped(want_yaw - self.yaw_rad), -most), most))
        self._steps += 1
        said = [self._status()]
        if self._steps % _HEARTBEAT_STEPS == 1:
            said.append(mavlink.MAVLink_heartbeat_message(mavlink.MAV_TYPE_GIMBAL, mavlink.MAV_AUTOPILOT_INVALID, 0, 0, 4, 3))
        return [self._packed(message) for message in said]

    def _status(self) -> Message:
        flags = _LEVEL | _YAW_IN_VEHICLE_FRAME | (_LOCK if self._locked else 0)
        q = quaternion(0.0, self.pitch_rad, self.yaw_rad)
        boot_ms = round(self._steps * STEP_S * 1000.0)
        return mavlink.MAVLink_gimbal_device_attitude_status_message(0, 0, boot_ms, flags, q, 0.0, 0.0, 0.0, 0)

    def _on_command(self, message: Message) -> Sequence[Message]:
        """REQUEST_MESSAGE for what it is, SET_MESSAGE_INTERVAL; another's command is none of its business."""
        if message.target_component not in {0, COMPONENT}:
            return ()
        if message.command == mavlink.MAV_CMD_SET_MESSAGE_INTERVAL and message.target_component == COMPONENT:
            return (mavlink.MAVLink_command_ack_message(message.command, mavlink.MAV_RESULT_ACCEPTED),)
        wanted = message.command == mavlink.MAV_CMD_REQUEST_MESSAGE and int(message.param1)
        if wanted != mavlink.MAVLINK_MSG_ID_GIMBAL_DEVICE_INFORMATION:
            return ()
        return mavlink.MAVLink_command_ack_message(message.command, mavlink.MAV_RESULT_ACCEPTED), self._information()

    def _information(self) -> Message:
        caps = int(
            mavlink.GIMBAL_DEVICE_CAP_FLAGS_HAS_PITCH_AXIS
            | mavlink.GIMBAL_DEVICE_CAP_FLAGS_HAS_PITCH_LOCK
            | mavlink.GIMBAL_DEVICE_CAP_FLAGS_HAS_YAW_AXIS
            | mavlink.GIMBAL_DEVICE_CAP_FLAGS_HAS_YAW_FOLLOW
            | mavlink.GIMBAL_DEVICE_CAP_FLAGS_HAS_YAW_LOCK
        )
        none = float("nan")
        return mavlink.MAVLink_gimbal_device_information_message(
            0, b"nest-sim", b"gimbal", b"", 1, 1, 0, caps, 0, none, none, _PITCH_LEAST_RAD, _PITCH_MOST_RAD, -math.pi, math.pi
        )

    def _on_set_attitude(self, message: Message) -> Sequence[Message]:
        """New angles, or with a quaternion of NaN a turn by rates for one step."""
        w, x, y, z = message.q
        if not all(map(math.isfinite, (w, x, y, z))):
            rates = (message.angular_velocity_y, message.angular_velocity_z)
            pitch, yaw = (rate * STEP_S if math.isfinite(rate) else 0.0 for rate in rates)
            self._want_pitch_rad, self._want_yaw_rad = self._want_pitch_rad + pitch, self._want_yaw_rad + yaw
            return ()
        self._locked = bool(message.flags & (_LOCK | _YAW_IN_EARTH_FRAME)) and not message.flags & _YAW_IN_VEHICLE_FRAME
        self._want_pitch_rad = math.asin(max(-1.0, min(1.0, 2.0 * (w * y - z * x))))
        self._want_yaw_rad = math.atan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z))
        return ()

    def _on_state(self, message: Message) -> Sequence[Message]:
        """Where the drone looks."""
        w, x, y, z = message.q
        self._heading_rad = math.atan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z))
        return ()

    def _packed(self, message: Message) -> bytes:
        frame = bytes(message.pack(self._mav))
        self._mav.seq = (self._mav.seq + 1) % 256
        return frame


def _wrapped(angle_rad: float) -> float:
    return math.remainder(angle_rad, math.tau)
