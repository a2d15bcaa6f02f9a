"""From a sight of the pad in the drone's axes to a fix against the earth, and whether to believe it. Pure.

A print of the wrong size, or somebody else's, shows the pad at a height at which the drone does not fly. The autopilot's height
over home drifts by some metres in a flight, so the test is coarse, and coarser with height.
"""

import math

import numpy as np

from agent.config.landing import LandingSection
from agent.core.outcome import Refused
from agent.domain.landing import PadFix, PadSight
from agent.vision.poses import CameraPose

_HEIGHT_ERROR_M = 3.0
_HEIGHT_ERROR_PART = 0.3


def locate(sight: PadSight, drone: CameraPose, section: LandingSection) -> PadFix | Refused:
    """The fix, or why the sight is not used.

    Args:
        sight: in the drone's axes.
        drone: the drone at the moment of capture: its pose as that of a camera that looks along its nose.
        section: how large an error may be.
    """
    turn = drone.camera_to_ned
    place = turn @ (sight.forward_m, sight.right_m, sight.down_m)
    ff, fr, fd, rr, rd, dd = sight.covariance_m2
    spread = turn @ np.array([[ff, fr, fd], [fr, rr, rd], [fd, rd, dd]]) @ turn.T
    sigma_m = math.sqrt(max(0.0, float(np.linalg.eigvalsh(spread[:2, :2])[-1])))
    if sigma_m > section.sigma_max_m:
        return Refused("landing.sight_vague", f"one sigma is {sigma_m:.2f} m, limit {section.sigma_max_m:g} m")
    height_m = drone.alt_amsl_m - drone.home_amsl_m
    limit_m = _HEIGHT_ERROR_M + _HEIGHT_ERROR_PART * abs(height_m)
    if abs(float(place[2]) - height_m) > limit_m:
        words = f"{float(place[2]):.1f} m high by the markers, {height_m:.1f} m by the drone; limit {limit_m:.1f} m"
        return Refused("landing.sight_implausible", words)
    ahead = turn @ (math.cos(math.radians(sight.yaw_deg)), math.sin(math.radians(sight.yaw_deg)), 0.0)
    heading_deg = math.degrees(math.atan2(float(ahead[1]), float(ahead[0]))) % 360.0
    north, east, down = (float(v) for v in place)
    return PadFix(sight.captured_unix_s, north, east, down, sigma_m, heading_deg)
