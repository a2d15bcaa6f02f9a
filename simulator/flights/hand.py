"""The hand that makes trouble: on a link of its own it sets the vehicle's parameters and watches where the drone truly is.

A listener of its own (system 252, no ground station by its type), so that no failsafe takes it for the agent.
"""

import socket
import threading
import time
from dataclasses import dataclass, replace
from typing import Any, Self

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from agent.core.geo import LatLon

SYSTEM_ID = 252
_COMPONENT = int(mavlink.MAV_COMP_ID_ONBOARD_COMPUTER)
_HEARTBEAT_S = 0.2  # of the computer's clock: once a second even at five times real time
_SET_AGAIN_S = 1.0
_INTERVALS_US = {
    mavlink.MAVLINK_MSG_ID_SIM_STATE: 500_000,
    mavlink.MAVLINK_MSG_ID_GLOBAL_POSITION_INT: 500_000,
    mavlink.MAVLINK_MSG_ID_EXTENDED_SYS_STATE: 500_000,
}
_ON_GROUND = int(mavlink.MAV_LANDED_STATE_ON_GROUND)


@dataclass(frozen=True, slots=True)
class Seen:
    """What the drone last said. place is the truth where it is told, else the drone's own estimate."""

    place: LatLon | None = None
    armed: bool | None = None
    on_ground: bool | None = None
    true_place: bool = False


@dataclass(frozen=True, slots=True)
class Setting:
    """A parameter; or, with a number as its name, a MAV_CMD with its parameters."""

    name: str | int
    values: tuple[float, ...]
    integer: bool = False  # PX4 takes whole parameters bytewise


class Hand:
    """Use as a ``with`` block. A thread of its own listens.

    Args:
        port: UDP port of the loopback interface on which the vehicle listens.
    """

    def __init__(self, port: int) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.settimeout(0.05)
        self._socket.connect(("127.0.0.1", port))
        self._mav: Any = mavlink.MAVLink(None, srcSystem=SYSTEM_ID, srcComponent=_COMPONENT)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="hand", daemon=True)
        self._wanted: list[Setting] = []
        self._confirmed: set[str | int] = set()
        self.seen = Seen()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._socket.close()

    def do(self, *settings: Setting) -> None:
        """Sets parameters and sends commands, each again and again until the vehicle confirms it."""
        self._wanted = [*self._wanted, *settings]

    @property
    def done(self) -> bool:
        """Whether all that was asked for is confirmed."""
        return all(setting.name in self._confirmed for setting in self._wanted)

    def _run(self) -> None:
        beat_s = set_s = 0.0
        while not self._stop.is_set():
            now_s = time.monotonic()
            if now_s >= beat_s:
                beat_s = now_s + _HEARTBEAT_S
                kind, invalid = mavlink.MAV_TYPE_ONBOARD_CONTROLLER, mavlink.MAV_AUTOPILOT_INVALID
                self._send(self._mav.heartbeat_encode(kind, invalid, 0, 0, mavlink.MAV_STATE_ACTIVE))
            if now_s >= set_s:
                set_s = now_s + _SET_AGAIN_S
                self._ask()
            self._listen()

    def _ask(self) -> None:
        if self.seen.place is None:
            for number, interval_us in _INTERVALS_US.items():
                self._command(mavlink.MAV_CMD_SET_MESSAGE_INTERVAL, (float(number), float(interval_us)))
        for setting in self._wanted:
            if setting.name not in self._confirmed:
                self._set(setting)

    def _set(self, setting: Setting) -> None:
        if isinstance(setting.name, int):
            self._command(setting.name, setting.values)
            return
        kind = mavlink.MAV_PARAM_TYPE_INT32 if setting.integer else mavlink.MAV_PARAM_TYPE_REAL32
        self._send(self._mav.param_set_encode(1, 1, setting.name.encode(), setting.values[0], kind))

    def _command(self, number: int, values: tuple[float, ...]) -> None:
        self._send(self._mav.command_long_encode(1, 1, number, 0, *values, *([0.0] * (7 - len(values)))))

    def _send(self, message: Any) -> None:  # noqa: ANN401 pymavlink's messages have no types
        try:
            self._socket.send(message.pack(self._mav))
        except ConnectionRefusedError:
            return  # the vehicle does not listen yet
        self._mav.seq = (self._mav.seq + 1) % 256

    def _listen(self) -> None:
        try:
            data = self._socket.recv(4096)
        except (TimeoutError, ConnectionRefusedError):
            return
        parser: Any = mavlink.MAVLink(None)
        parser.robust_parsing = True
        for message in parser.parse_buffer(data) or []:
            if message.get_srcSystem() == 1:
                self._take(message)

    def _take(self, message: Any) -> None:  # noqa: ANN401
        kind = message.get_type()
        if kind == "HEARTBEAT" and message.autopilot != mavlink.MAV_AUTOPILOT_INVALID:
            self.seen = replace(self.seen, armed=bool(message.base_mode & mavlink.MAV_MODE_FLAG_SAFETY_ARMED))
        elif kind == "SIM_STATE":
            self.seen = replace(self.seen, place=LatLon(message.lat_int / 1e7, message.lon_int / 1e7), true_place=True)
        elif kind == "GLOBAL_POSITION_INT" and not self.seen.true_place:
            self.seen = replace(self.seen, place=LatLon(message.lat / 1e7, message.lon / 1e7))
        elif kind == "EXTENDED_SYS_STATE":
            self.seen = replace(self.seen, on_ground=message.landed_state == _ON_GROUND)
        elif kind == "PARAM_VALUE":
            self._confirmed.add(str(message.param_id))
        elif kind == "COMMAND_ACK" and message.result == mavlink.MAV_RESULT_ACCEPTED:
            self._confirmed.add(int(message.command))
