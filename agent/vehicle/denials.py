"""Why an autopilot says no: its own sentences, put under the reasons that a person can do something about. Pure.

The rows hold for both autopilots; each was read in the sources of ArduCopter 4.6 (AP_Arming and the libraries that it asks) or
PX4 1.18 (health and arming checks, navigator). A sentence that no row knows keeps the code of what was asked.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType

from agent.core.outcome import Accepted, Outcome, Refused

_ROWS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        # What is wrong at all times stands before what a mode or a fence needs it for.
        "autopilot.starting": (
            "not initiali[sz]ed", r"EKF\d? not started", "calibration running", "temperature cal",
            "command denied during cal", "arming denied: calibrating", "FFT (calibrating|still)", "warming up", "heater temp",
            "RC calibrating", r"no EKF\d cores",
        ),
        "autopilot.no_position": (
            "need (position|alt) estimate", "requires? (a )?(valid )?(position|home)", "no position lock", "bad fix",
            "no (fix|global position)", "GPS.*(not healthy|glitch|differ|yaw)", "HDOP", "3D GPS fix", "waiting for home",
            "home position required", "(global )?position estimate", "height estimate",
            "(horizontal|vertical) (position|velocity) unstable", "heading (estimate|reference)", "no heading reference",
            "without position", r"EKF\d? (core|attitude|\w+ variance)", "AHRS", "ekf2 missing", "GNSS", "No home pos",
            "attitude failure.*estimate", "doesn't contain (home|current)",
        ),
        "autopilot.ground_link": ("GCS failsafe", "connection to the GCS", "connection to ground station"),
        "autopilot.radio": (
            "radio", r"\bRC\b", r"RC\d", "RC ERROR", "throttle", "neutral", "sticks", "disarm switch", "RTL switch",
            "kill switch",
        ),
        "autopilot.battery": (
            "batter", "power (module|redundancy|high|low|unavailable)", r"board \(", "servo voltage",
            "avionics", "USB is not safe",
        ),
        "autopilot.fence": ("fence", "rally"),
        "autopilot.mission": (r"mission(?! mode)", "waypoint", "land(ing)? item", "takeoff item"),
        "autopilot.compass": ("compass", "mag field", "magnet"),
        "autopilot.tilted": ("leaning", "attitude failure", "roll/pitch diff"),
        "autopilot.inertial": ("accel", "gyro", r"\bIMU\b", "vibration"),
        "autopilot.height": (r"\bbaro", "altitude (disparity|failure)"),
        "autopilot.motors": ("motor", r"\bESC", "propeller", "frame", "interlock", r"SERVO\d", "servo output"),
        "autopilot.safety_switch": ("safety (switch|button|configuration)", "flight termination"),
        "autopilot.mode": (
            "mode not armable", "mode change", "currently not available", r"unsupported \w+ mode", "not in multicopter",
        ),
        "autopilot.authorisation": ("authori", "arm auth"),
        "autopilot.parameters": (
            "bad parameter", r"^(\w+: )?check [A-Z_]+", "must be", "[A-Z]+_[A-Z]+[>=<]", "out of range",
            r"invalid (value|\w+ value)", "removed, see", "duplicate aux",
        ),
        "autopilot.computer": (
            "logging", "SD card", "storage", "internal error", "main loop", "CPU", r"\bRAM\b", "memory", "crash ?dump",
            "watchdog", "IOMCU", "scripting", "downloading logs",
        ),
        "autopilot.equipment": (
            r"\bmount", "camera", "rangefinder", "distance sensor", "proximity", "airspeed", "generator", "drone ?id",
            "remote id", "traffic", "ADSB", "parachute", "chute", "terrain", "winch", "VisOdom", "optical", "relay", r"CAN\b",
            "gimbal", "object avoidance", "OA requires",
        ),
    }
)  # fmt: skip
"""Reason code, and what its sentences have in them. The first row that fits counts."""

_PATTERNS = tuple((code, re.compile("|".join(fragments), re.IGNORECASE)) for code, fragments in _ROWS.items())
_REFUSAL = re.compile(r"(pre-?)?arm(ing)?\b|mode change|preflight", re.IGNORECASE)
REASONS = tuple(_ROWS)


def reason_of(words: str) -> str | None:
    """The reason code of the autopilot's sentences, which are separated by ``; ``; None where no row fits.

    A sentence that says what it refuses counts before one that was only heard at the same time.
    """
    sentences = sorted(words.split("; "), key=lambda sentence: _REFUSAL.match(sentence) is None)
    found = (code for sentence in sentences for code, pattern in _PATTERNS if pattern.search(sentence))
    return next(found, None)


def explained(outcome: Outcome) -> Outcome:
    """A refusal under the reason that the autopilot's words give; everything else as it is."""
    if isinstance(outcome, Accepted) or outcome.code not in _EXPLAINABLE:
        return outcome
    return Refused(reason_of(outcome.words) or outcome.code, outcome.words)


_EXPLAINABLE = frozenset({"vehicle.arm_denied", "vehicle.mode_denied", "vehicle.start_denied"})
"""Codes that say only what was denied. An upload's and a target's code says more than the words could."""
