"""Sentences as the autopilots say them, and the reason under which a person reads them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.outcome import Accepted, Refused
from agent.domain.codes import codes
from agent.vehicle.denials import REASONS, explained, reason_of

SAID = {
    "autopilot.no_position": (
        "Arm: Need Position Estimate", "PreArm: Need Alt Estimate", "PreArm: GPS 1: Bad fix", "PreArm: High GPS HDOP",
        "PreArm: AHRS: waiting for home", "PreArm: EKF attitude is bad", "PreArm: GPS glitching",
        "PreArm: Fence enabled, need position estimate", "PreArm: Fence requires position",
        "Mode change to GUIDED failed: requires position", "Preflight Fail: Global position estimate required",
        "Preflight Fail: horizontal position unstable", "Preflight Fail: heading estimate invalid",
        "Preflight Fail: Home position required", "Not yet ready for mission, no position lock.",
        "Preflight Fail: height estimate not stable", "Geofence requires valid home position",
    ),
    "autopilot.starting": (
        "Arm: System not initialised", "PreArm: Compass calibration running", "Arming denied: calibrating",
        "PreArm: AHRS: EKF3 not started", "PreArm: temperature cal running",
    ),
    "autopilot.ground_link": ("Arm: GCS failsafe on", "Preflight Fail: No connection to the GCS"),
    "autopilot.radio": (
        "Arm: Radio failsafe on", "PreArm: RC not found", "Arm: Throttle too high", "Arm: Roll (RC1) is not neutral",
        "Preflight Fail: RC ERROR: RC3_MAX > 2100", "Arming denied: throttle not in safe position",
        "Preflight Fail: Kill switch engaged",
    ),
    "autopilot.battery": (
        "Arm: Battery 1 below minimum arming voltage", "PreArm: Battery failsafe", "Preflight Fail: Battery unhealthy",
        "Preflight Fail: Power module not connected", "Battery 0 missing", "Preflight Fail: system power unavailable",
        "PreArm: Board (4.2v) out of range 4.3-5.8v",
    ),
    "autopilot.fence": (
        "Arm: Vehicle breaching Polygon fence", "PreArm: Fences enabled, but none selected", "PreArm: Polygon fence(s) invalid",
        "Geofence violation for waypoint 2", "PreArm: No sufficiently close rally point located",
    ),
    "autopilot.mission": (
        "PreArm: Missing mission item: takeoff", "Arm: Mode requires mission", "Mission start denied! No valid mission",
        "Mission rejected: Takeoff waypoint required.", "No valid mission available, refusing takeoff",
    ),
    "autopilot.compass": (
        "Arm: Compass not healthy", "PreArm: Compasses inconsistent", "PreArm: Check mag field (xy diff:210>100)",
        "Preflight Fail: Compass 0 uncalibrated", "PreArm: Compass offsets too high",
        "PreArm: Compass calibrated requires reboot",
    ),
    "autopilot.tilted": ("Arm: Leaning", "Preflight Fail: Attitude failure (roll)"),
    "autopilot.inertial": (
        "PreArm: Accels inconsistent", "PreArm: Gyros not calibrated", "PreArm: 3D Accel calibration needed",
        "Preflight Fail: High Accelerometer Bias", "Preflight Fail: Gyro 1 inconsistent - check cal",
    ),
    "autopilot.height": ("PreArm: Altitude disparity", "Preflight Fail: barometer 0 missing", "PreArm: Baro: not healthy"),
    "autopilot.motors": (
        "Arm: Motors Emergency Stopped", "PreArm: Motors: Check frame class and type", "Preflight Fail: ESC telemetry missing",
        "PreArm: 2 of 4 ESCs are not running", "Preflight Fail: Imbalanced propeller detected",
        "PreArm: Motor Interlock Enabled",
    ),
    "autopilot.safety_switch": (
        "Arm: Hardware safety switch", "Preflight Fail: Press safety button first", "Preflight Fail: Flight termination active",
    ),
    "autopilot.mode": ("Arm: AUTO mode not armable", "Switching to Hold is currently not available", "Unsupported auto mode"),
    "autopilot.authorisation": ("Arm auth: Denied because of bad weather", "PreArm: Auxiliary authorisation refused"),
    "autopilot.parameters": ("PreArm: Bad parameter: ATC_RAT_RLL_P", "PreArm: Check ANGLE_MAX", "RTL_ALT>RNGFND_MAX_CM"),
    "autopilot.computer": (
        "PreArm: Logging failed", "PreArm: No SD card", "PreArm: Internal errors 0x800000 l:123 main_loop_stk",
        "PreArm: Main loop slow (320Hz < 400Hz)", "Preflight Fail: CPU load too high: 99.0%",
        "Preflight Fail: Missing FMU SD Card", "PreArm: Param storage failed",
    ),
    "autopilot.equipment": (
        "PreArm: Mount: not healthy", "PreArm: Rangefinder 1: No Data", "PreArm: OpenDroneID: ARM status",
        "Preflight Fail: Traffic avoidance system missing", "Preflight Fail: No valid distance sensor 0 data",
        "PreArm: terrain disabled",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("code", "words"), [(code, words) for code, all_ in SAID.items() for words in all_])
def test_each_sentence_has_its_reason(code, words):
    assert reason_of(words) == code


def test_every_reason_was_heard_and_has_its_words_for_people():
    assert set(SAID) == set(REASONS)
    assert set(REASONS) <= set(codes())


def test_the_first_sentence_that_is_understood_counts():
    assert reason_of("Flight plan received; Arm: Compass not healthy; Arm: Battery failsafe") == "autopilot.compass"


@pytest.mark.parametrize(
    "words", ["", "no answer", "the autopilot answered FAILED", "mission mode: no answer", "hold mode: it did not come"]
)
def test_our_own_words_are_no_reason(words):
    assert explained(Refused("vehicle.mode_denied", words)) == Refused("vehicle.mode_denied", words)


def test_only_plain_denials_are_put_under_a_reason():
    words = "Arm: Compass not healthy"
    assert explained(Refused("vehicle.arm_denied", words)) == Refused("autopilot.compass", words)
    for outcome in (
        Refused("mission.differs", "mission: item 2"),
        Refused("vehicle.armed", "the motors are armed"),
        Accepted(),
    ):
        assert explained(outcome) is outcome


@settings(deadline=None)
@given(st.text(max_size=200))
def test_no_text_breaks_it(words):
    assert reason_of(words) in {None, *REASONS}


def test_what_was_only_heard_meanwhile_is_not_the_reason():
    assert reason_of("Fence Indexed OK; Mission: 1 Takeoff; Arm: Need Position Estimate") == "autopilot.no_position"
