"""Camera, detector, LANDING_TARGET and vehicle as one loop: simulated pictures, the agent's eyes and words, a landing.

The simulator draws the pad by its own opinion of it, so an error of sign or axis on either side shows here. Time is the
vehicle's.
"""

import math
from collections import deque

import numpy as np

from agent.config.landing import LandingSection
from agent.core.geo import LatLon
from agent.core.outcome import Refused
from agent.domain.landing import PadFix
from agent.domain.telemetry import Attitude, PoseSample, Position, Telemetry
from agent.mavlink.landing_target import target_in_body
from agent.vehicle.pad_target import in_body
from agent.vision.pad_fix import locate
from agent.vision.pad_markers import MarkerFinder
from agent.vision.pad_pose import PadSolver
from agent.vision.poses import PoseHistory
from simulator.camera.down import DownView
from simulator.camera.pad import PadPrint
from simulator.camera.pose import Pose, quaternion
from tests.doubles.vehicle_rig import HOME_ALT_M, RTL, Rig, Station

SECTION = LandingSection()
DRIFT_M = 1.5
DRIFT_DEG = DRIFT_M / 110_900.0
FRAME_S = 0.2


class Loop:
    """The agent's part of a landing beside a simulated vehicle. Pictures arrive late, as they do."""

    def __init__(self, rig: Rig, station: Station, latency_s: float = 0.15) -> None:
        self.rig, self.station, self.latency_s = rig, station, latency_s
        self.view = DownView(PadPrint(), HOME_ALT_M)
        self.finder, self.solver, self.poses = MarkerFinder(SECTION.pad), PadSolver(SECTION), PoseHistory(0.0)
        self.under_way: deque[tuple[float, np.ndarray]] = deque()
        self.fixes: list[PadFix] = []
        self.heights: list[float] = []
        self.beside: list[float] = []
        self.frames = 0
        self.next_s = 0.0
        self.beat_s = 0.0

    def step(self) -> bool:
        rig, now_s = self.rig, self.rig.time_s
        body = rig.autopilot.craft.body
        self.poses.add(self._sample(now_s))
        if now_s >= self.beat_s:
            self.beat_s = now_s + 1.0
            self.station.heartbeat()
        if now_s >= self.next_s:
            self.next_s = now_s + FRAME_S
            place = np.array([body.east_m, body.north_m, HOME_ALT_M + body.up_m])
            pose = Pose(now_s, place, quaternion(body.roll, body.pitch, body.yaw))
            self.under_way.append((now_s, self.view.render(pose, self.frames)))
            self.frames += 1
        while self.under_way and self.under_way[0][0] <= now_s - self.latency_s:
            self._look(*self.under_way.popleft())
        return not rig.autopilot.craft.armed

    def _look(self, captured_s: float, picture: np.ndarray) -> None:
        height_px, width_px = picture.shape
        sight = self.solver.solve(self.finder.find(picture), width_px, height_px, captured_s)
        drone = self.poses.at(captured_s)
        if sight is None or drone is None:
            return
        fix = locate(sight, drone, SECTION)
        if isinstance(fix, Refused):
            return
        self.fixes.append(fix)
        self.heights.append(self.rig.autopilot.craft.body.up_m)
        self.beside.append(math.hypot(self.rig.autopilot.craft.body.north_m, self.rig.autopilot.craft.body.east_m))
        place = in_body(fix, self._telemetry(), self.rig.time_s)
        assert place is not None
        self.station.send(target_in_body(captured_s, *place))

    def _telemetry(self) -> Telemetry:
        body = self.rig.autopilot.craft.body
        roll, pitch, yaw = (math.degrees(angle) for angle in (body.roll, body.pitch, body.yaw))
        velocity = (body.v_north, body.v_east, -body.v_up)
        return Telemetry(
            attitude=Attitude(0.0, 0, roll, pitch, yaw), position=Position(0.0, 0, LatLon(0, 0), 0.0, 0.0, velocity, None)
        )

    def _sample(self, now_s: float) -> PoseSample:
        body, attitude = self.rig.autopilot.craft.body, self._telemetry().attitude
        assert attitude is not None
        velocity = (body.v_north, body.v_east, -body.v_up)
        angles = attitude.roll_deg, attitude.pitch_deg, attitude.yaw_deg
        return PoseSample(now_s, 30.0, 119.0, HOME_ALT_M + body.up_m, body.up_m, velocity, *angles)


def test_a_drone_whose_gps_drifted_comes_down_in_the_middle_of_the_pad():
    rig = Rig("PLND_ENABLED=1", "PLND_TYPE=1", "SIM_WIND_SPD=4", "RTL_LOIT_TIME=1000", seed=3)
    station = rig.airborne(7.0)
    rig.autopilot.craft.yaw_target = math.radians(140.0)  # so that an exchanged axis shows
    station.set_param("SIM_GPS_GLITCH_X", DRIFT_DEG)
    rig.run(6.0)
    assert station.mode(RTL) == 0
    loop = Loop(rig, station)
    assert rig.run(120.0, loop.step)
    beside_m = math.hypot(rig.autopilot.craft.body.north_m, rig.autopilot.craft.body.east_m)
    assert beside_m < 0.15
    assert loop.heights[0] > 6.0, "seen from on high"
    assert loop.heights[-1] < 0.2, "and to the last"
    assert len(loop.fixes) > 0.9 * loop.frames
    # What the agent says of the offset is so, at the time of the picture.
    rows = zip(loop.fixes, loop.beside, loop.heights, strict=True)
    wrong_m = [abs(fix.offset_m - beside) for fix, beside, up in rows if up < 3.0]
    assert np.median(wrong_m) < 0.05
