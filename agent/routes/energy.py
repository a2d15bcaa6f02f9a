"""How much charge a path takes. Pure; a deliberately plain model that errs to the safe side.

Power in the air is taken as constant at cruise (a multirotor hovers on about what it cruises on). Time comes from ground speed:
against the wind the drone is slower, with the wind it is not faster, because autopilots hold the commanded ground speed.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from agent.core.geo import LatLon, bearing_deg, distance_m

_CLIMB_M_S = 2.5  # default vertical speed of ArduCopter (WPNAV_SPEED_UP 250 cm/s)
_DESCENT_M_S = 1.5  # default of ArduCopter (WPNAV_SPEED_DN 150 cm/s); the last 10 m are slower still
_FINAL_M_S = 0.5  # LAND_SPEED 50 cm/s below 10 m
_CLIMB_FACTOR = 1.4  # power in climb against cruise, an upper value for loaded multirotors


@dataclass(frozen=True, slots=True)
class WindEstimate:
    """Wind at flight height: speed and where it comes from."""

    speed_m_s: float = 0.0
    from_deg: float = 0.0


@dataclass(frozen=True, slots=True)
class EnergyModel:
    """The drone's own figures.

    Attributes:
        power_w: in cruise, measured where known.
        capacity_wh: of the full battery.
        airspeed_max_m_s: what it can fly against the wind.
    """

    power_w: float
    capacity_wh: float
    airspeed_max_m_s: float = 15.0

    def share(self, time_s: float, factor: float = 1.0) -> float:
        """Charge (0..1) that so much time in the air takes."""
        return time_s * self.power_w * factor / 3600.0 / self.capacity_wh


_MEASURED_S = 60.0  # climbing and gusts even out
_MEASURED_SHARE = 0.03  # autopilots tell the charge in whole percents


def measured(model: EnergyModel, used: float, time_s: float) -> EnergyModel:
    """The model with the flight's own power where that is known and greater; never with less than the configured power.

    Args:
        used: charge (0..1) since the take-off.
        time_s: since then.
    """
    if time_s < _MEASURED_S or used < _MEASURED_SHARE:
        return model
    return replace(model, power_w=max(model.power_w, used * model.capacity_wh * 3600.0 / time_s))


def ground_speed_m_s(model: EnergyModel, wanted_m_s: float, track_deg: float, wind: WindEstimate) -> float:
    """The ground speed reached on a track; at least 1 m/s, so that a hopeless wind gives a huge time."""
    angle = math.radians(wind.from_deg - track_deg)
    headwind = wind.speed_m_s * math.cos(angle)
    crosswind = wind.speed_m_s * math.sin(angle)
    along = math.sqrt(max(model.airspeed_max_m_s**2 - crosswind**2, 0.0)) - headwind
    return max(1.0, min(wanted_m_s, along))


def leg_time_s(model: EnergyModel, speed_m_s: float, a: LatLon, b: LatLon, wind: WindEstimate) -> float:
    """Time from a to b."""
    length = distance_m(a, b)
    return length / ground_speed_m_s(model, speed_m_s, bearing_deg(a, b), wind) if length > 0 else 0.0


def landing_time_s(alt_rel_m: float) -> float:
    """Time from a height over the pad to the ground."""
    return max(alt_rel_m - 10.0, 0.0) / _DESCENT_M_S + min(max(alt_rel_m, 0.0), 10.0) / _FINAL_M_S


def home_share(
    model: EnergyModel, place: LatLon, alt_rel_m: float, home: LatLon, speed_m_s: float, wind: WindEstimate, return_alt_m: float
) -> float:
    """Charge to come home from a place: climb to the return height if lower, fly, land."""
    climb_s = max(return_alt_m - alt_rel_m, 0.0) / _CLIMB_M_S
    fly_s = leg_time_s(model, speed_m_s, place, home, wind)
    return model.share(climb_s, _CLIMB_FACTOR) + model.share(fly_s + landing_time_s(max(return_alt_m, alt_rel_m)))


@dataclass(frozen=True, slots=True)
class Stop:
    """A place of a path with its height and how long the drone stays."""

    place: LatLon
    alt_rel_m: float
    hold_s: float = 0.0


def route_share(
    model: EnergyModel,
    stops: Sequence[Stop],
    home: LatLon,
    speed_m_s: float,
    wind: WindEstimate,
    start: Stop | None = None,
) -> float:
    """Charge for a whole flight: climb, all legs and stays, the way home, the landing; from the pad, or from where it is."""
    path = [start or Stop(home, 0.0), *stops]
    used = 0.0
    for a, b in pairwise(path):
        climb_s = max(b.alt_rel_m - a.alt_rel_m, 0.0) / _CLIMB_M_S
        used += model.share(climb_s, _CLIMB_FACTOR) + model.share(
            leg_time_s(model, speed_m_s, a.place, b.place, wind) + b.hold_s
        )
    last = path[-1]
    return used + home_share(model, last.place, last.alt_rel_m, home, speed_m_s, wind, last.alt_rel_m)
