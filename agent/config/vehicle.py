"""How to reach the drone."""

from typing import Self

from pydantic import Field, model_validator

from agent.config.section import Section


class VehicleSection(Section):
    """The drone's MAVLink."""

    link: str = "udp-listen:0.0.0.0:14550"
    """serial:/dev/ttyX:BAUD, udp-listen:HOST:PORT, udp:HOST:PORT (speak first) or tcp:HOST:PORT."""
    system_id: int = Field(default=1, ge=1, le=255)
    """MAVLink system id of the drone. Other systems are ignored."""
    own_system_id: int = Field(default=255, ge=1, le=255)
    """The nest's own system id. The autopilot's ground-station failsafe must watch this id."""
    heartbeat_interval_s: float = Field(default=1.0, gt=0, le=2)
    """How often the nest's heartbeat is sent."""
    lost_after_s: float = Field(default=5.0, ge=2, le=60)
    """Without a heartbeat of the drone for so long, the link is lost."""
    connect_timeout_s: float = Field(default=30.0, gt=0, le=600)
    """How long to wait for the first heartbeat before saying so."""
    parameter_set: str = "ardupilot/nest"
    """Parameters that are read back before each flight (folder firmware_config)."""

    @model_validator(mode="after")
    def _sense(self) -> Self:
        if self.own_system_id == self.system_id:
            raise ValueError(f"own_system_id is {self.own_system_id}, it must differ from the drone's system_id")
        return self
