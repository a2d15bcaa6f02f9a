"""One consistent look at everything a flight decides on. Values only."""

import math
from dataclasses import dataclass

from agent.core.geo import LatLon, LocalFrame, distance_m
from agent.domain.landing import PadView
from agent.domain.nest_state import ClampState, DockState, DronePresence, LidState, Weather
from agent.domain.sighting import VisionStatus
from agent.domain.telemetry import FlightMode, LandedState, Telemetry
from agent.routes.compile import Pad

FRESH_S = 3.0  # a heartbeat comes each second; two may be lost
_LANDED_AGE_S = 10.0
_UPRIGHT_DEG = 20.0  # a drone that leans more has fallen over, and the lid would crush it
_AWAY_M = 8.0  # a drone so far from the pad, across or up, cannot touch the lid


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything known at one moment.

    Attributes:
        now_s: the event loop's time; all ages count from it.
        vision_at_s: when the vision process was last heard and well.
    """

    now_s: float
    telemetry: Telemetry
    dock: DockState | None
    weather: Weather | None
    vision: VisionStatus | None
    vision_well_at_s: float | None
    free_mb: float
    pad_view: PadView | None = None
    pad_camera: tuple[str, ...] | None = None  # what is wrong with the camera that looks down; None where nobody knows
    pad_looked_s: float = 0.0  # how long it has been giving pictures

    def age_s(self, at_s: float | None) -> float:
        """Seconds since then; infinite for never."""
        return math.inf if at_s is None else self.now_s - at_s

    @property
    def heard_age_s(self) -> float:
        """Age of the drone's last heartbeat."""
        heartbeat = self.telemetry.heartbeat
        return self.age_s(heartbeat.at_s if heartbeat else None)

    @property
    def autopilot_failsafe(self) -> bool:
        """Whether the autopilot calls its own state critical."""
        return self.telemetry.heartbeat is not None and self.telemetry.heartbeat.failsafe

    @property
    def pad_shut(self) -> bool:
        """Whether the dock says, now, that a drone could not land in it."""
        dock = self.dock
        if dock is None or self.age_s(dock.at_s) > FRESH_S:
            return False
        return dock.lid is not LidState.OPEN or dock.clamps is not ClampState.RELEASED

    @property
    def in_air(self) -> bool:
        """Whether the drone says that it flies. What it said long ago counts for nothing."""
        landed = self.telemetry.landed if self.age_s(self.telemetry.landed_at_s) < _LANDED_AGE_S else LandedState.UNKNOWN
        return landed in {LandedState.IN_AIR, LandedState.TAKING_OFF, LandedState.LANDING}

    @property
    def down(self) -> bool:
        """Whether the drone surely stands on some ground with its motors off."""
        return self.heard_age_s < FRESH_S and self.telemetry.armed is False and not self.in_air

    @property
    def mode(self) -> FlightMode:
        """The flight mode."""
        return self.telemetry.mode

    def pad_distance_m(self, pad: Pad) -> float | None:
        """Metres across from the pad; None where the position is unknown."""
        position = self.telemetry.position
        return None if position is None else distance_m(position.place, pad.place)


def presence(situation: Situation, pad: Pad, pad_distance_max_m: float) -> DronePresence:
    """Where the drone surely is. Drone and pad must agree; whatever is stale or contradictory is UNKNOWN."""
    dock, position = situation.dock, situation.telemetry.position
    if dock is None or situation.age_s(dock.at_s) > FRESH_S or situation.heard_age_s > FRESH_S:
        return DronePresence.UNKNOWN
    if position is None or situation.age_s(position.at_s) > FRESH_S:
        return DronePresence.UNKNOWN
    across_m = distance_m(position.place, pad.place)
    attitude = situation.telemetry.attitude
    upright = attitude is None or max(abs(attitude.roll_deg), abs(attitude.pitch_deg)) < _UPRIGHT_DEG
    if situation.down and upright and dock.pad_occupied and across_m <= pad_distance_max_m:
        return DronePresence.ON_PAD
    away = across_m > _AWAY_M or position.alt_rel_m > _AWAY_M
    if away and not dock.pad_occupied and (situation.in_air or across_m > _AWAY_M):
        return DronePresence.AWAY
    return DronePresence.UNKNOWN


def stopping_place(place: LatLon, velocity_ned_m_s: tuple[float, float, float], time_s: float) -> LatLon:
    """Where the drone is after so much more time at its present velocity."""
    north, east, _ = velocity_ned_m_s
    return LocalFrame(place).to_latlon(north * time_s, east * time_s)
