"""LANDING_TARGET in the two forms that autopilots take. Units: metres, microseconds of Unix time."""

import math

from pymavlink.dialects.v20 import ardupilotmega as dialect

from agent.mavlink.codec import Body
from agent.mavlink.enums import Frame

_FIDUCIAL = 2  # LANDING_TARGET_TYPE_VISION_FIDUCIAL
_NUMBER = 0
_NO_TURN = (1.0, 0.0, 0.0, 0.0)
_US_PER_S = 1e6


def target_in_body(captured_unix_s: float, forward_m: float, right_m: float, down_m: float) -> Body:
    """The target from the vehicle in its body axes, as ArduPilot takes it: it wants the distance beside the place.

    The angles say the same once more for firmware before 4.1, which reads nothing else.
    """
    distance_m = math.sqrt(forward_m**2 + right_m**2 + down_m**2)
    angles = (math.atan2(right_m, down_m), math.atan2(-forward_m, down_m))
    return _target(captured_unix_s, Frame.BODY_FRD, angles, distance_m, (forward_m, right_m, down_m))


def target_in_local(captured_unix_s: float, north_m: float, east_m: float, down_m: float) -> Body:
    """The target in the vehicle's local frame, the only one that PX4 takes."""
    return _target(captured_unix_s, Frame.LOCAL_NED, (0.0, 0.0), 0.0, (north_m, east_m, down_m))


def _target(
    captured_unix_s: float,
    frame: Frame,
    angles_rad: tuple[float, float],
    distance_m: float,
    place_m: tuple[float, float, float],
) -> Body:
    moment = int(captured_unix_s * _US_PER_S)
    return dialect.MAVLink_landing_target_message(
        moment, _NUMBER, frame, *angles_rad, distance_m, 0.0, 0.0, *place_m, _NO_TURN, _FIDUCIAL, 1
    )
