"""When the nest flies, and what makes it come home."""

from datetime import time
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from agent.config.section import Section

RouteId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]


class ScheduleEntry(Section):
    """One row of the calendar."""

    route: RouteId
    """The route to fly."""
    at_utc: time
    """Time of day in UTC."""
    days: tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...] = (
        "mon",
        "tue",
        "wed",
        "thu",
        "fri",
        "sat",
        "sun",
    )
    """Days of the week."""
    latest_after_s: float = Field(default=1800.0, ge=0, le=43200)
    """Started so much later at most; after that the flight is dropped and reported."""


class MissionsSection(Section):
    """What the nest flies by itself."""

    schedule: tuple[ScheduleEntry, ...] = ()
    """The calendar."""


class FlightSection(Section):
    """Limits and policies of a flight."""

    takeoff_alt_rel_m: float = Field(default=30.0, ge=5, le=120)
    """Height over home to climb to before the route begins."""
    cruise_speed_m_s: float = Field(default=10.0, ge=1, le=25)
    """Ground speed where the route names none."""
    battery_start_min: float = Field(default=0.8, ge=0.2, le=1)
    """Least charge (0..1) to take off with."""
    battery_reserve: float = Field(default=0.25, ge=0.1, le=0.8)
    """Least predicted charge at the pad; below it the flight turns home."""
    cruise_power_w: float = Field(default=450.0, gt=0, le=5000)
    """Power in cruise flight, for the energy estimate until the flight's own figures are known."""
    battery_capacity_wh: float = Field(default=180.0, gt=0, le=5000)
    """Energy of a full battery."""
    satellites_min: int = Field(default=8, ge=4, le=30)
    """Fewest satellites to take off with."""
    hdop_max: float = Field(default=1.5, gt=0, le=10)
    """Largest HDOP to take off with."""
    pad_distance_max_m: float = Field(default=5.0, gt=0, le=50)
    """The drone must say that it stands within this of the pad before it takes off."""
    clearance_min_m: float = Field(default=20.0, ge=5, le=200)
    """Least height over the ground anywhere on a route."""
    fence_margin_m: float = Field(default=20.0, ge=0, le=500)
    """Targets keep this distance from the geofence."""
    on_vision_loss: Literal["finish", "return"] = "return"
    """What to do when nobody looks at the video."""
    vision_loss_after_s: float = Field(default=30.0, ge=5, le=600)
    """Video or detectors may be away for so long."""
    on_link_loss: Literal["finish", "return"] = "return"
    """What the flight shall do while the drone is not heard. Its autopilot acts: finish needs a parameter set for it."""
    resume_after_link_loss: bool = False
    """Heard again on its own way home, the drone may be sent on with its route, if charge, weather and link allow."""
    preparation_timeout_s: float = Field(default=180.0, ge=5, le=1800)
    """How long a preflight check that can become right by waiting (GPS, estimator) is waited for."""
    return_alt_rel_m: float = Field(default=30.0, ge=20, le=120)
    """Height of the way home over the pad. It is checked over the ground, and set in the autopilot with each plan."""
    airborne_timeout_s: float = Field(default=60.0, ge=10, le=300)
    """Longest time from the start command until the drone is in the air."""
    landing_timeout_s: float = Field(default=180.0, ge=30, le=900)
    """Longest time from over the pad until it is down and disarmed."""
    flight_time_max_s: float = Field(default=1800.0, ge=60, le=14400)
    """No flight lasts longer; then it turns home."""
    storage_free_min_mb: float = Field(default=500.0, ge=10, le=100000)
    """Least free disk space to take off with."""

    @model_validator(mode="after")
    def _sense(self) -> Self:
        if self.battery_start_min <= self.battery_reserve:
            words = (
                f"battery_start_min is {self.battery_start_min:g}, it must be above battery_reserve, {self.battery_reserve:g}"
            )
            raise ValueError(words)
        return self
