"""Single facts out of frames, for packages that must not know the dialect."""

from agent.core.geo import LatLon
from agent.mavlink.codec import Frame
from agent.mavlink.enums import AUTOPILOT_COMPONENT, Autopilot
from agent.mavlink.scale import lat_lon


def autopilot_of(frame: Frame) -> Autopilot | None:
    """Which autopilot sends this heartbeat; None for another message, another component or an unknown autopilot."""
    if frame.name != "HEARTBEAT" or frame.component != AUTOPILOT_COMPONENT:
        return None
    number = int(frame.body.autopilot)
    return Autopilot(number) if number in {Autopilot.ARDUPILOTMEGA, Autopilot.PX4} else None


_CAMERA_COMPONENTS = range(100, 106)  # MAV_COMP_ID_CAMERA to CAMERA6
_CAMERA_TYPE = 30  # MAV_TYPE_CAMERA


def camera_of(frame: Frame) -> int | None:
    """The component id of the camera that sends this heartbeat; None for any other frame."""
    if frame.name != "HEARTBEAT" or frame.component == AUTOPILOT_COMPONENT:
        return None
    return frame.component if frame.component in _CAMERA_COMPONENTS or frame.body.type == _CAMERA_TYPE else None


def boot_ms_of(frame: Frame) -> int:
    """Milliseconds since boot of a message that has them."""
    return int(frame.body.time_boot_ms)


def target_of(frame: Frame) -> LatLon:
    """The place in a POSITION_TARGET_GLOBAL_INT."""
    return lat_lon(frame.body.lat_int, frame.body.lon_int)
