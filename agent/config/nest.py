"""Who and where this nest is, its dock and its weather station."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from agent.config.section import ExpandedPath, Port, Section
from agent.domain.wire import Latitude, Longitude

NestName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]


class Pad(Section):
    """The landing pad."""

    lat: Latitude
    """Latitude of the pad's centre, WGS84 degrees."""
    lon: Longitude
    """Longitude of the pad's centre, WGS84 degrees."""
    alt_amsl_m: float = Field(ge=-500, le=9000)
    """Height of the pad above mean sea level."""


class NestSection(Section):
    """The nest itself."""

    id: NestName
    """The nest's name on the hub: small letters, digits and hyphens."""
    name: str = ""
    """What people call it."""
    pad: Pad
    """Where the drone lives."""
    site_file: ExpandedPath
    """GeoJSON with the geofence, rally points and normal water around the nest."""
    routes_dir: ExpandedPath
    """Folder of route files (GeoJSON)."""
    terrain_file: ExpandedPath | None = None
    """Ground heights as an ESRI ASCII grid. Without it the ground is taken as flat, and every error ellipse says so."""
    simulated: bool = False
    """True for an exercise: alerts are marked so that no desk takes them for real. Changes nothing else."""


class DockSection(Section):
    """The dock's PLC over Modbus TCP."""

    host: str = "127.0.0.1"
    """Address of the PLC."""
    port: Port = 502
    """Modbus TCP port."""
    unit_id: int = Field(default=1, ge=0, le=255)
    """Modbus unit id."""
    poll_interval_s: float = Field(default=0.5, gt=0, le=2)
    """How often the dock's state is read. Where the drone is, is judged on readings of the last 3 s only."""
    response_timeout_s: float = Field(default=5.0, gt=0, le=30)
    """How long to wait for an answer of the PLC."""
    lid_timeout_s: float = Field(default=60.0, gt=0, le=600)
    """Longest time the lid may take to open or close."""
    clamp_timeout_s: float = Field(default=20.0, gt=0, le=120)
    """Longest time the clamps may take."""
    charger_timeout_s: float = Field(default=30.0, gt=0, le=300)
    """Longest time until current flows after the charger is engaged."""


class WeatherSection(Section):
    """The weather station and what the drone may fly in."""

    url: str = "http://127.0.0.1:8091/weather"
    """Where the station's JSON is read."""
    poll_interval_s: float = Field(default=5.0, gt=0, le=300)
    """How often it is read."""
    response_timeout_s: float = Field(default=5.0, gt=0, le=60)
    """How long to wait for the station's answer."""
    max_age_s: float = Field(default=60.0, gt=0, le=900)
    """An older reading counts as none."""
    wind_max_m_s: float = Field(default=10.0, gt=0, le=25)
    """No take-off above this mean wind."""
    gust_max_m_s: float = Field(default=14.0, gt=0, le=35)
    """No take-off above this gust."""
    rain_max_mm_h: float = Field(default=1.0, ge=0, le=50)
    """No take-off above this rain."""
    temp_min_c: float = Field(default=-10.0, ge=-40, le=30)
    """No take-off below this temperature."""
    temp_max_c: float = Field(default=45.0, ge=0, le=60)
    """No take-off above this temperature."""
    visibility_min_m: float = Field(default=1000.0, ge=0, le=50000)
    """No take-off below this visibility, where the station measures it."""

    @model_validator(mode="after")
    def _sense(self) -> Self:
        if self.gust_max_m_s < self.wind_max_m_s:
            raise ValueError(f"gust_max_m_s is {self.gust_max_m_s:g}, it must be at least wind_max_m_s, {self.wind_max_m_s:g}")
        if self.temp_max_c <= self.temp_min_c:
            raise ValueError(f"temp_max_c is {self.temp_max_c:g}, it must be above temp_min_c, {self.temp_min_c:g}")
        return self
