"""Single facts out of frames, for packages that must not know the dialect."""

from agent.core.geo import LatLon
from agent.mavlink.codec import Frame
from agent.mavlink.enums import Autopilot
from agent.mavlink.scale import lat_lon


def autopilot_of(frame: Frame) -> Autopilot | None:
    """Which autopilot sends this heartbeat; None for another message, another component or an unknown autopilot."""
    if frame.name != "HEARTBEAT" or frame.component != 1:
        return None
    number = int(frame.body.autopilot)
    return Autopilot(number) if number in {Autopilot.ARDUPILOTMEGA, Autopilot.PX4} else None


def boot_ms_of(frame: Frame) -> int:
    """Milliseconds since boot of a message that has them."""
    return int(frame.body.time_boot_ms)


def target_of(frame: Frame) -> LatLon:
    """The place in a POSITION_TARGET_GLOBAL_INT."""
    return lat_lon(frame.body.lat_int, frame.body.lon_int)
