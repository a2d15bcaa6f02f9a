"""The whole configuration as one tree."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from agent.config.flight import FlightSection, MissionsSection
from agent.config.hub import AlertsSection, HubSection
from agent.config.landing import LandingSection
from agent.config.nest import DockSection, NestSection, WeatherSection
from agent.config.public import PublicSection
from agent.config.requests import RequestsSection
from agent.config.second_look import SecondLookSection
from agent.config.store import StoreSection
from agent.config.vehicle import VehicleSection
from agent.config.vision import VisionSection


class Config(BaseSettings):
    """Everything a nest is told by people.

    Sources, the first wins: environment (``NEST_HUB__HOST``), secrets directory (a file ``hub__password``), the YAML file.
    """

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix="NEST_", env_nested_delimiter="__", use_attribute_docstrings=True
    )

    nest: NestSection
    """Who and where this nest is."""
    store: StoreSection
    """Where it keeps what must survive."""
    vehicle: VehicleSection = VehicleSection()
    """How to reach the drone."""
    dock: DockSection = DockSection()
    """How to reach the dock's PLC."""
    weather: WeatherSection = WeatherSection()
    """The weather station and what the drone may fly in."""
    vision: VisionSection = VisionSection()
    """What looks at the video."""
    landing: LandingSection | None = None
    """Landing on the pad's markers by a camera that looks down. Without it the drone lands by its own position."""
    hub: HubSection = HubSection()
    """The broker that all share."""
    alerts: AlertsSection = Field(default_factory=AlertsSection)
    """From sightings to alerts."""
    flight: FlightSection = FlightSection()
    """Limits and policies of a flight."""
    second_look: SecondLookSection = SecondLookSection()
    """When the drone leaves its route to look at something again."""
    missions: MissionsSection = MissionsSection()
    """What the nest flies by itself."""
    public: PublicSection | None = None
    """Late and coarse notices for a public page. Without it the public is told nothing."""
    requests: RequestsSection = Field(default_factory=RequestsSection)
    """Flights that departments ask for over the hub."""
