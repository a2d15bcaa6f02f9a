"""The hub, the alerts and the departments that read them."""

from typing import Annotated, Literal

from pydantic import Field, SecretStr

from agent.config.section import ExpandedPath, Port, Section
from agent.domain.hazard import Hazard

DepartmentName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,30}$")]


class TlsSection(Section):
    """TLS towards the broker."""

    ca_file: ExpandedPath | None = None
    """Certificate authorities; empty: the system's."""
    cert_file: ExpandedPath | None = None
    """The nest's own certificate."""
    key_file: ExpandedPath | None = None
    """The key of that certificate."""


class HubSection(Section):
    """The MQTT broker that all share."""

    host: str = "127.0.0.1"
    """Address of the broker."""
    port: Port = 8883
    """Port of the broker."""
    protocol: Literal["5", "3.1.1"] = "5"
    """MQTT version."""
    tls: TlsSection | None = TlsSection()
    """TLS; null turns it off, for a broker on the same machine only."""
    username: str | None = None
    """User name at the broker."""
    password: SecretStr | None = None
    """Password; put it into the secrets directory as hub__password, not into this file."""
    topic_root: str = Field(default="nest/v1", pattern=r"^[^+#/]+(/[^+#/]+)*$")
    """First levels of every topic."""
    keep_alive_s: int = Field(default=30, ge=5, le=1200)
    """MQTT keep-alive."""
    reconnect_max_s: float = Field(default=60.0, gt=0, le=900)
    """Longest pause between two tries to connect."""
    inflight_max: int = Field(default=20, ge=1, le=1000)
    """Unacknowledged messages under way at once."""


class Department(Section):
    """Who gets which alerts."""

    hazards: tuple[Hazard, ...]
    """What this department is told of."""


class AlertsSection(Section):
    """From sightings to alerts."""

    departments: dict[DepartmentName, Department] = Field(
        default_factory=lambda: {
            "forestry": Department(hazards=(Hazard.FIRE, Hazard.SMOKE)),
            "emergency": Department(hazards=(Hazard.FIRE, Hazard.SMOKE, Hazard.FLOOD)),
            "water": Department(hazards=(Hazard.FLOOD,)),
        }
    )
    """Departments by name."""
    merge_distance_m: float = Field(default=120.0, gt=0, le=5000)
    """Sightings of one hazard nearer than this, beyond their ellipses, are one incident."""
    repeat_after_s: float = Field(default=300.0, ge=30, le=86400)
    """An alert that nobody acknowledged is sent again after so long."""
    expire_after_s: float = Field(default=86400.0, ge=600, le=604800)
    """An open alert without any new sighting expires after so long."""
    snapshot_max_bytes: int = Field(default=200_000, ge=20_000, le=2_000_000)
    """Largest JPEG that is published."""
