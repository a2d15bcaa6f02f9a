"""Listens to the vehicle over MAVLink and keeps the camera's pose.

The simulated camera must see what the true vehicle would see, so it prefers SIM_STATE (true pose) and falls back to
GLOBAL_POSITION_INT with ATTITUDE. It speaks for itself only: its own system id, a heartbeat, requests for message rates.
"""

import math
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from agent.core.clock import Clock
from agent.core.errors import ConfigError
from agent.core.geo import LatLon, LocalFrame
from simulator.camera.pose import Pose, PoseTrack, Quaternion, multiply, quaternion

SYSTEM_ID = 250
_HEARTBEAT_S = 1.0
_REQUEST_S = 4.0
_TRUTH_LOST_S = 1.5
_SOCKET_TIMEOUT_S = 0.05  # of the computer's clock
_SO_TIMESTAMPNS = 35  # Linux; Python does not name it
_TIMESPEC = struct.Struct("@ll")
_YAW_LOCK = 16
_YAW_IN_VEHICLE_FRAME = 32
_YAW_IN_EARTH_FRAME = 64
# Message and its wanted period in microseconds of the vehicle's clock.
_WANTED = {
    mavlink.MAVLINK_MSG_ID_SIM_STATE: 50_000,
    mavlink.MAVLINK_MSG_ID_GLOBAL_POSITION_INT: 100_000,
    mavlink.MAVLINK_MSG_ID_ATTITUDE: 100_000,
    mavlink.MAVLINK_MSG_ID_GIMBAL_DEVICE_ATTITUDE_STATUS: 50_000,
}


@dataclass
class _Known:
    """What the vehicle last said."""

    roll_rad: float = 0.0
    pitch_rad: float = 0.0
    yaw_rad: float = 0.0
    gimbal: Quaternion | None = None
    gimbal_holds_north: bool = False
    true_pose_s: float = -math.inf


class VehicleListener:
    """Reads datagrams in its own thread.

    Args:
        address: ``udpin:HOST:PORT``, where the vehicle sends.
        frame: the world's local frame.
        clock: product time.
        track: where poses go.
        default_pitch_deg: where the camera looks while no gimbal reports.
        body: where poses of the drone's body go, for a camera fixed to it.

    Raises:
        ConfigError: the address has another form or is in use.
    """

    def __init__(
        self,
        address: str,
        frame: LocalFrame,
        clock: Clock,
        track: PoseTrack,
        default_pitch_deg: float = -30.0,
        body: PoseTrack | None = None,
    ) -> None:
        self._socket = open_socket(address)
        self._frame, self._clock, self._track, self._body = frame, clock, track, body
        self._default = quaternion(0.0, math.radians(default_pitch_deg), 0.0)
        self._known = _Known()
        self._peer: tuple[str, int] | None = None
        self._vehicle: tuple[int, int] | None = None
        self._mav: Any = mavlink.MAVLink(None, srcSystem=SYSTEM_ID, srcComponent=mavlink.MAV_COMP_ID_CAMERA)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="vehicle", daemon=True)
        self._next_heartbeat_s = self._next_request_s = -math.inf
        self._handlers: dict[str, Callable[[Any, float], None]] = {
            "HEARTBEAT": self._on_heartbeat,
            "SIM_STATE": self._on_sim_state,
            "GLOBAL_POSITION_INT": self._on_position,
            "ATTITUDE": self._on_attitude,
            "GIMBAL_DEVICE_ATTITUDE_STATUS": self._on_gimbal,
        }

    @property
    def port(self) -> int:
        """The UDP port that is listened on."""
        return int(self._socket.getsockname()[1])

    def start(self) -> None:
        """Begins to listen."""
        self._thread.start()

    def close(self) -> None:
        """Stops the thread and frees the port."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        self._socket.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            received = receive(self._socket)
            if received is not None:
                data, self._peer, arrived_s = received
                for message in _decode(data):
                    handler = self._handlers.get(message.get_type())
                    if handler is not None and message.get_srcSystem() != SYSTEM_ID:
                        handler(message, self._clock.base.unix_s(arrived_s))
            self._speak()

    def _speak(self) -> None:
        """Heartbeat, and the request for message rates, which a rebooted vehicle forgets."""
        now = self._clock.unix_s()
        if self._peer is None:
            return
        if now >= self._next_heartbeat_s:
            self._next_heartbeat_s = now + _HEARTBEAT_S
            self._send(
                self._mav.heartbeat_encode(
                    mavlink.MAV_TYPE_ONBOARD_CONTROLLER, mavlink.MAV_AUTOPILOT_INVALID, 0, 0, mavlink.MAV_STATE_ACTIVE
                )
            )
        if self._vehicle is not None and now >= self._next_request_s:
            self._next_request_s = now + _REQUEST_S
            for message_id, period_us in _WANTED.items():
                self._send(
                    self._mav.command_long_encode(
                        *self._vehicle, mavlink.MAV_CMD_SET_MESSAGE_INTERVAL, 0, message_id, period_us, 0, 0, 0, 0, 0
                    )
                )

    def _send(self, message: Any) -> None:  # noqa: ANN401 pymavlink's messages have no types
        if self._peer is not None:
            self._socket.sendto(message.pack(self._mav), self._peer)
            self._mav.seq = (self._mav.seq + 1) % 256

    def _on_heartbeat(self, message: Any, _: float) -> None:  # noqa: ANN401
        if message.autopilot != mavlink.MAV_AUTOPILOT_INVALID:
            self._vehicle = message.get_srcSystem(), message.get_srcComponent()

    def _on_sim_state(self, message: Any, now_s: float) -> None:  # noqa: ANN401
        known = self._known
        known.true_pose_s, known.roll_rad, known.pitch_rad, known.yaw_rad = now_s, message.roll, message.pitch, message.yaw
        exact = message.lat_int != 0 or message.lon_int != 0
        place = LatLon(message.lat_int * 1e-7, message.lon_int * 1e-7) if exact else LatLon(message.lat, message.lon)
        self._add(place, float(message.alt), now_s)

    def _on_position(self, message: Any, now_s: float) -> None:  # noqa: ANN401
        if now_s - self._known.true_pose_s > _TRUTH_LOST_S:
            self._add(LatLon(message.lat * 1e-7, message.lon * 1e-7), message.alt * 1e-3, now_s)

    def _on_attitude(self, message: Any, now_s: float) -> None:  # noqa: ANN401
        if now_s - self._known.true_pose_s > _TRUTH_LOST_S:
            known = self._known
            known.roll_rad, known.pitch_rad, known.yaw_rad = float(message.roll), float(message.pitch), float(message.yaw)

    def _on_gimbal(self, message: Any, _: float) -> None:  # noqa: ANN401
        attitude = np.array(message.q, dtype=np.float64)
        length = float(np.linalg.norm(attitude))
        if not math.isfinite(length) or length < 0.5:
            return
        flags = int(message.flags)
        self._known.gimbal = attitude / length
        self._known.gimbal_holds_north = bool(flags & _YAW_IN_EARTH_FRAME) or (
            bool(flags & _YAW_LOCK) and not flags & _YAW_IN_VEHICLE_FRAME
        )

    def _add(self, at: LatLon, alt_amsl_m: float, now_s: float) -> None:
        local = self._frame.to_local(at)
        look = self._known.gimbal if self._known.gimbal is not None else self._default
        if self._known.gimbal is None or not self._known.gimbal_holds_north:
            look = multiply(quaternion(0.0, 0.0, self._known.yaw_rad), look)
        place = np.array([local.east_m, local.north_m, alt_amsl_m])
        self._track.add(Pose(now_s, place, look))
        if self._body is not None:
            self._body.add(Pose(now_s, place, quaternion(self._known.roll_rad, self._known.pitch_rad, self._known.yaw_rad)))


def receive(source: socket.socket) -> tuple[bytes, tuple[str, int], float] | None:
    """A datagram, its sender, and when it arrived by the computer's clock; None if none comes in time.

    On Linux the kernel says when it arrived: a reader that gets the processor late must not take an old pose for a new one.
    """
    try:
        data, notes, _, peer = source.recvmsg(4096, 64)
    except TimeoutError:
        return None
    for level, kind, note in notes:
        if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS) and len(note) == _TIMESPEC.size:
            seconds, nanoseconds = _TIMESPEC.unpack(note)
            return data, peer, seconds + nanoseconds * 1e-9
    return data, peer, time.time()


def _decode(datagram: bytes) -> list[Any]:
    """The messages in a datagram. Each is parsed for itself: a broken one must not swallow the next."""
    parser: Any = mavlink.MAVLink(None)
    parser.robust_parsing = True
    return parser.parse_buffer(datagram) or [] if datagram else []


def open_socket(address: str) -> socket.socket:
    """A UDP socket bound to ``udpin:HOST:PORT`` that notes arrival times.

    Raises:
        ConfigError: the address has another form or is in use.
    """
    kind, _, rest = address.partition(":")
    host, _, port = rest.rpartition(":")
    if kind != "udpin" or not host or not port.isdigit():
        raise ConfigError("config.invalid", f"vehicle {address!r}: write udpin:HOST:PORT, e.g. udpin:127.0.0.1:14560")
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        opened.bind((host, int(port)))
    except OSError as error:
        opened.close()
        raise ConfigError(
            "config.invalid", f"vehicle {address!r}: cannot listen there ({error}); choose a free port"
        ) from error
    opened.settimeout(_SOCKET_TIMEOUT_S)
    if sys.platform == "linux":
        opened.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    return opened
