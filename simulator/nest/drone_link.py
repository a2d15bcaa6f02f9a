"""Listens to the drone over MAVLink: where it truly is, how full its battery is; and sets its charging current.

A listener of its own (system id 251, never 255, so that the autopilot's GCS failsafe does not take it for the
agent). Prefers SIM_STATE, the simulation's truth; an autopilot that does not send it is taken at its GLOBAL_POSITION_INT.
Works with the built-in vehicle and with a real autopilot in SITL. What does not decode is dropped.
"""

import asyncio
from collections.abc import Callable
from typing import Any, cast

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from agent.core.geo import LatLon
from simulator.nest.drone import DroneTruth

SYSTEM_ID = 251
COMPONENT_ID = 191  # MAV_COMP_ID_ONBOARD_COMPUTER
CHARGE_PARAMETER = b"SIM_CHARGE_A"

_TRUTH_FRESH_S = 3.0
_ASK_AGAIN_S = 5.0
_INTERVALS_US = {
    mavlink.MAVLINK_MSG_ID_SIM_STATE: 100_000,
    mavlink.MAVLINK_MSG_ID_GLOBAL_POSITION_INT: 200_000,
    mavlink.MAVLINK_MSG_ID_EXTENDED_SYS_STATE: 200_000,
    mavlink.MAVLINK_MSG_ID_SYS_STATUS: 1_000_000,
}
_ON_GROUND = mavlink.MAV_LANDED_STATE_ON_GROUND
_ARMED = mavlink.MAV_MODE_FLAG_SAFETY_ARMED

Send = Callable[[bytes], None]
Now = Callable[[], float]


class DroneLink:
    """The conversation with one drone. Pure of sockets: bytes go in by :meth:`receive`, out by ``send``.

    Args:
        send: takes a packet for the drone.
        now: loop time in seconds.
    """

    def __init__(self, send: Send, now: Now) -> None:
        self._send = send
        self._now = now
        self._mav = mavlink.MAVLink(None, srcSystem=SYSTEM_ID, srcComponent=COMPONENT_ID)
        self._target: tuple[int, int] | None = None
        self._heard: dict[int, float] = {}
        self._asked_s = -_ASK_AGAIN_S
        self._place: tuple[LatLon, float] | None = None
        self._exact_s = float("-inf")
        self._landed: bool | None = None
        self._armed = False
        self._battery: float | None = None
        self._wanted_a = 0.0
        self._confirmed_a: float | None = None
        self._set_s = float("-inf")

    def receive(self, data: bytes) -> None:
        """Takes in one datagram. Each is parsed by itself, so that noise in one cannot spoil the next."""
        parser = mavlink.MAVLink(None)
        parser.robust_parsing = True
        for message in parser.parse_buffer(data) or ():
            handler = _HANDLERS.get(message.get_type())
            if handler is None:
                continue
            if message.get_type() == "HEARTBEAT":
                self._heartbeat(message)
            elif self._target and message.get_srcSystem() == self._target[0]:
                self._heard[message.get_msgId()] = self._now()
                handler(self, message)

    def tick(self) -> None:
        """To be called about once a second: heartbeat, streams asked for again, charging current set until confirmed."""
        mav = self._mav
        # No ground station by its type: PX4 takes any ground station's heartbeat for a sign that somebody watches the flight.
        kind, invalid = mavlink.MAV_TYPE_ONBOARD_CONTROLLER, mavlink.MAV_AUTOPILOT_INVALID
        self._pack(mav.heartbeat_encode(kind, invalid, 0, 0, mavlink.MAV_STATE_ACTIVE))
        if self._target is None:
            return
        now_s = self._now()
        if now_s - self._asked_s >= _ASK_AGAIN_S:
            self._asked_s = now_s
            for message_id, interval_us in _INTERVALS_US.items():
                if now_s - self._heard.get(message_id, float("-inf")) > _ASK_AGAIN_S:
                    self._command(mavlink.MAV_CMD_SET_MESSAGE_INTERVAL, message_id, interval_us)
        if self._confirmed_a is None or abs(self._confirmed_a - self._wanted_a) > 0.01:
            self._set_charge()

    def charge(self, current_a: float) -> None:
        """Wants this current to flow into the battery, in ampere; sent when it differs by a tenth, or begins or ends."""
        begins_or_ends = (current_a > 0.0) != (self._wanted_a > 0.0)
        if begins_or_ends or abs(current_a - self._wanted_a) >= 0.1:
            self._wanted_a = round(current_a, 2)
            self._set_charge()

    @property
    def truth(self) -> DroneTruth | None:
        """The newest pose; None until drone and pose were heard."""
        if self._place is None or self._target is None:
            return None
        place, alt_amsl_m = self._place
        landed = self._landed if self._landed is not None else not self._armed
        exact = self._now() - self._exact_s <= _TRUTH_FRESH_S
        return DroneTruth(place, alt_amsl_m, landed, self._armed, self._battery, exact)

    def _heartbeat(self, message: Any) -> None:  # noqa: ANN401 pymavlink's messages have no types
        if message.autopilot == mavlink.MAV_AUTOPILOT_INVALID or message.get_srcComponent() != mavlink.MAV_COMP_ID_AUTOPILOT1:
            return
        if self._target is None:
            self._target = (message.get_srcSystem(), message.get_srcComponent())
        if message.get_srcSystem() == self._target[0]:
            self._armed = bool(message.base_mode & _ARMED)

    def _sim_state(self, message: Any) -> None:  # noqa: ANN401
        # lat_int and lon_int are extensions; an old sender leaves them 0 and has only the coarse floats.
        lat_e7, lon_e7 = getattr(message, "lat_int", 0), getattr(message, "lon_int", 0)
        place = LatLon(lat_e7 / 1e7, lon_e7 / 1e7) if lat_e7 or lon_e7 else LatLon(message.lat, message.lon)
        self._place, self._exact_s = (place, message.alt), self._now()

    def _global_position(self, message: Any) -> None:  # noqa: ANN401
        if self._now() - self._exact_s > _TRUTH_FRESH_S:
            self._place = (LatLon(message.lat / 1e7, message.lon / 1e7), message.alt / 1000.0)

    def _extended_state(self, message: Any) -> None:  # noqa: ANN401
        if message.landed_state != mavlink.MAV_LANDED_STATE_UNDEFINED:
            self._landed = message.landed_state == _ON_GROUND

    def _sys_status(self, message: Any) -> None:  # noqa: ANN401
        self._battery = message.battery_remaining / 100.0 if message.battery_remaining >= 0 else None

    def _param_value(self, message: Any) -> None:  # noqa: ANN401
        if message.param_id.rstrip("\0").encode() == CHARGE_PARAMETER:
            self._confirmed_a = message.param_value

    def _set_charge(self) -> None:
        if self._target is None or self._now() - self._set_s < 0.5:
            return  # tick() comes back to it
        self._set_s = self._now()
        kind = mavlink.MAV_PARAM_TYPE_REAL32
        self._pack(self._mav.param_set_encode(*self._target, CHARGE_PARAMETER, self._wanted_a, kind))

    def _command(self, command: int, first: float, second: float) -> None:
        if self._target:
            self._pack(self._mav.command_long_encode(*self._target, command, 0, first, second, 0, 0, 0, 0, 0))

    def _pack(self, message: Any) -> None:  # noqa: ANN401
        self._send(message.pack(self._mav))


_HANDLERS: dict[str, Callable[[DroneLink, Any], None]] = {
    "HEARTBEAT": DroneLink._heartbeat,  # noqa: SLF001 the class's own table
    "SIM_STATE": DroneLink._sim_state,  # noqa: SLF001
    "GLOBAL_POSITION_INT": DroneLink._global_position,  # noqa: SLF001
    "EXTENDED_SYS_STATE": DroneLink._extended_state,  # noqa: SLF001
    "SYS_STATUS": DroneLink._sys_status,  # noqa: SLF001
    "PARAM_VALUE": DroneLink._param_value,  # noqa: SLF001
}


class UdpPort(asyncio.DatagramProtocol):
    """The link's UDP socket: answers whoever spoke last, or the fixed remote it was made for."""

    def __init__(self) -> None:
        self.link: DroneLink | None = None
        self._transport: asyncio.DatagramTransport | None = None
        self._peer: tuple[str, int] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keeps the transport."""
        # Python 3.11's datagram transport is no asyncio.DatagramTransport by its type.
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Hands a datagram to the link."""
        self._peer = addr
        if self.link:
            self.link.receive(data)

    def error_received(self, exc: Exception) -> None:
        """The drone does not listen yet; it will be tried again."""

    def send(self, data: bytes) -> None:
        """Sends to the drone, if it is known where it is."""
        if self._transport is None or self._transport.is_closing():
            return
        if self._transport.get_extra_info("peername"):
            self._transport.sendto(data)
        elif self._peer:
            self._transport.sendto(data, self._peer)
