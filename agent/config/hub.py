"""The hub, the alerts and the departments that read them."""

import math
from typing import Annotated, Literal

from pydantic import Field, SecretStr

from agent.config.formats import FormatsSection
from agent.config.section import ExpandedPath, Port, Section
from agent.domain.hazard import Hazard

DepartmentName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,30}$")]


WINDOW_BYTES = 262_144
"""Most bytes of large packets under way at once."""


class TlsSection(Section):
    """TLS towards the broker."""

    ca_file: ExpandedPath | None = None
    """Certificate authorities; empty: the system's."""
    cert_file: ExpandedPath | None = None
    """The nest's own certificate."""
    key_file: ExpandedPath | None = None
    """The key of that certificate. All three files are looked at again while the agent runs."""
    server_name: str | None = None
    """Name in the broker's certificate, where it differs from hub.host."""
    warn_days: int = Field(default=30, ge=0, le=365)
    """So long before a certificate runs out the nest's status says it."""
    look_every_s: float = Field(default=60.0, gt=0, le=86400)
    """How often it is seen whether the files were replaced; the nest then connects anew."""


class HubSection(Section):
    """The MQTT broker that all share."""

    host: str = "127.0.0.1"
    """Address of the broker."""
    port: Port = 8883
    """Port of the broker."""
    protocol: Literal["5", "3.1.1"] = "5"
    """MQTT version."""
    transport: Literal["tcp", "websockets"] = "tcp"
    """websockets gets through where only web traffic does; the port is then often 443."""
    websocket_path: str = Field(default="/mqtt", pattern=r"^/[!-~]*$")
    """Path of the broker's web socket."""
    tls: TlsSection | None = TlsSection()
    """TLS; null turns it off, for a broker on the same machine only."""
    username: str | None = None
    """User name at the broker."""
    password: SecretStr | None = None
    """Password; put it into the secrets directory as hub__password, not into this file."""
    topic_root: str = Field(default="nest/v1", pattern=r"^[^+#/]+(/[^+#/]+)*$")
    """First levels of every topic."""
    keep_alive_s: int = Field(default=30, ge=5, le=1200)
    """MQTT keep-alive. It is made longer where a slow line (uplink_min_kbit_s) needs more for one picture."""
    uplink_min_kbit_s: float = Field(default=64.0, ge=2, le=100000)
    """The slowest line over which the nest must still get its messages out."""
    reconnect_max_s: float = Field(default=60.0, gt=0, le=900)
    """Longest pause between two tries to connect."""
    connect_timeout_s: float = Field(default=10.0, gt=0, le=120)
    """How long to wait for the broker's answer when connecting."""
    puback_timeout_s: float = Field(default=30.0, ge=2, le=600)
    """A message that is not acknowledged for so long makes the nest connect anew and send it again."""
    session_expiry_s: int = Field(default=604800, ge=0, le=31536000)
    """How long the broker shall keep the nest's session while it is away."""
    will_delay_s: int = Field(default=5, ge=0, le=300)
    """How long the broker waits until it announces the nest as lost (MQTT 5; at once in 3.1.1)."""
    inflight_max: int = Field(default=20, ge=1, le=1000)
    """Unacknowledged messages under way at once."""

    @property
    def uplink_bytes_per_s(self) -> float:
        """The slowest line in bytes."""
        return self.uplink_min_kbit_s * 1000.0 / 8.0

    @property
    def keep_alive_used_s(self) -> int:
        """While one large packet fills the line nothing else gets through, no sign of life either."""
        return max(self.keep_alive_s, math.ceil(WINDOW_BYTES / self.uplink_bytes_per_s))


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
        },
        min_length=1,
    )
    """Departments by name. A hazard that none of them names is told to all of them."""
    merge_distance_m: float = Field(default=120.0, gt=0, le=5000)
    """Sightings of one hazard nearer than this, beyond their ellipses, are one incident."""
    repeat_after_s: float = Field(default=300.0, ge=30, le=86400)
    """An alert that nobody acknowledged is sent again after so long."""
    expire_after_s: float = Field(default=86400.0, ge=600, le=604800)
    """An open alert without any new sighting expires after so long."""
    update_min_interval_s: float = Field(default=10.0, ge=0, le=600)
    """Updates of one alert are at least so far apart. A change of certainty, hazard or status goes at once."""
    false_alarm_quiet_s: float = Field(default=86400.0, ge=0, le=2592000)
    """So long after a false alarm nothing of its kind is raised at the same place."""
    resolved_quiet_s: float = Field(default=600.0, ge=0, le=86400)
    """So long after an alert was resolved nothing of its kind is raised at the same place."""
    snapshot_max_bytes: int = Field(default=200_000, ge=20_000, le=2_000_000)
    """Largest JPEG that is published."""
    formats: FormatsSection = FormatsSection()
    """Alerts in the formats of emergency services."""
