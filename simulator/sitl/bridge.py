"""What the simulated camera and dock expect of a vehicle and a real autopilot does not have.

The truth: ArduPilot's simulation sends SIM_STATE by itself; PX4's sends HIL_STATE_QUATERNION, which is put into the same words.
The charger: the dock sets its current by the parameter SIM_CHARGE_A, which only the built-in vehicle has. Knows frames; must
not know sockets.
"""

import math
from collections.abc import Callable
from typing import Any

from simulator.sitl.frames import message_id
from simulator.vehicle.wire import AUTOPILOT_COMPONENT, SYSTEM_ID, Message, mavlink

CHARGE_PARAMETER = "SIM_CHARGE_A"


class Bridge:
    """Translates for one autopilot.

    Args:
        charge: called with the charger's current in ampere.
    """

    def __init__(self, charge: Callable[[float], None] = lambda _: None) -> None:
        self._reader: Any = mavlink.MAVLink(None)
        self._reader.robust_parsing = True
        self._writer: Any = mavlink.MAVLink(None, srcSystem=SYSTEM_ID, srcComponent=AUTOPILOT_COMPONENT)
        self._charge = charge

    def from_autopilot(self, frame: bytes) -> bytes | None:
        """The frame as the world is told it; None where it is nobody's business."""
        kind = message_id(frame)
        if kind == mavlink.MAVLINK_MSG_ID_HIL_ACTUATOR_CONTROLS:
            return None  # 200 a second for a display's propellers
        if kind != mavlink.MAVLINK_MSG_ID_HIL_STATE_QUATERNION:
            return frame
        message = self._decoded(frame)
        return None if message is None else self._encoded(_sim_state(message))

    def answered(self, frame: bytes) -> bytes | None:
        """The answer to a frame that is not for the autopilot; None where it is to be passed on."""
        if message_id(frame) != mavlink.MAVLINK_MSG_ID_PARAM_SET:
            return None
        message = self._decoded(frame)
        if message is None or message.param_id != CHARGE_PARAMETER:
            return None
        self._charge(float(message.param_value))
        value = mavlink.MAVLink_param_value_message(CHARGE_PARAMETER.encode(), message.param_value, message.param_type, 0, 0)
        return self._encoded(value)

    def _decoded(self, frame: bytes) -> Message | None:
        messages = self._reader.parse_buffer(frame) or []
        return messages[0] if messages and messages[0].get_type() != "BAD_DATA" else None

    def _encoded(self, message: Message) -> bytes:
        frame = bytes(message.pack(self._writer))
        self._writer.seq = (self._writer.seq + 1) % 256
        return frame


def _sim_state(hil: Message) -> Message:
    """SIM_STATE (radians, m/s, degrees and their 1e7 integers, metres above mean sea level) of a HIL_STATE_QUATERNION."""
    w, x, y, z = hil.attitude_quaternion
    roll = math.atan2(2 * (w * x + y * z), 1 - 2 * (x * x + y * y))
    pitch = math.asin(max(-1.0, min(1.0, 2 * (w * y - z * x))))
    yaw = math.atan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))
    lat_deg, lon_deg, alt_amsl_m = hil.lat / 1e7, hil.lon / 1e7, hil.alt / 1e3
    spins = (hil.rollspeed, hil.pitchspeed, hil.yawspeed)
    speeds = (hil.vx / 100, hil.vy / 100, hil.vz / 100)
    return mavlink.MAVLink_sim_state_message(
        w, x, y, z, roll, pitch, yaw, hil.xacc, hil.yacc, hil.zacc, *spins, lat_deg, lon_deg, alt_amsl_m, 0.0, 0.0, *speeds,
        lat_int=hil.lat, lon_int=hil.lon,
    )  # fmt: skip
