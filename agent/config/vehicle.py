"""How to reach the drone."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, SecretStr, field_validator, model_validator

from agent.config.section import Section

_KEY_HEX_DIGITS = 64
_LOST_LEAST_S = 5.0


class SigningPolicy(StrEnum):
    """What is done with messages of the drone that carry no signature."""

    OFF = "off"
    ACCEPT_UNSIGNED = "accept_unsigned"
    REQUIRED = "required"


def _yaml_off(value: object) -> object:
    """YAML reads ``off`` as false."""
    return SigningPolicy.OFF if value is False else value


class VehicleSection(Section):
    """The drone's MAVLink."""

    link: str | Annotated[tuple[str, ...], Field(min_length=1)] = "udp-listen:0.0.0.0:14550"
    """serial:/dev/ttyX:BAUD, udp-listen:HOST:PORT, udp:HOST:PORT (speak first) or tcp:HOST:PORT. With several links to one
    drone, such as radio and LTE, a list of these; the first is preferred."""
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
    signing: Annotated[SigningPolicy, BeforeValidator(_yaml_off)] = SigningPolicy.OFF
    """MAVLink 2 message signing: off, accept_unsigned (we sign, and take what carries no signature) or required."""
    signing_key: SecretStr | None = None
    """The key that drone and nest share, 64 hexadecimal digits. Belongs into the secrets directory, file vehicle__signing_key;
    nest-agent signing setup makes it."""

    @property
    def links(self) -> tuple[str, ...]:
        """The addresses, the preferred one first."""
        return (self.link,) if isinstance(self.link, str) else self.link

    @property
    def key(self) -> bytes | None:
        """The signing key."""
        return None if self.signing_key is None else bytes.fromhex(self.signing_key.get_secret_value())

    @field_validator("signing_key")
    @classmethod
    def _hex(cls, key: SecretStr | None) -> SecretStr | None:
        text = key.get_secret_value() if key else None
        if text is not None and (len(text) != _KEY_HEX_DIGITS or set(text.lower()) - set("0123456789abcdef")):
            raise ValueError(f"it has {len(text)} characters; it must be {_KEY_HEX_DIGITS} hexadecimal digits")
        return key

    @model_validator(mode="after")
    def _sense(self) -> Self:
        if self.own_system_id == self.system_id:
            raise ValueError(f"own_system_id is {self.own_system_id}, it must differ from the drone's system_id")
        if self.signing is not SigningPolicy.OFF and self.signing_key is None:
            raise ValueError(
                f"signing is {self.signing.value!r}, but there is no key in the secrets file vehicle__signing_key; "
                "nest-agent signing setup makes one and gives it to the drone"
            )
        if len(self.links) > 1 and self.lost_after_s < _LOST_LEAST_S:
            raise ValueError(
                f"lost_after_s is {self.lost_after_s:g}; with several links it must be at least {_LOST_LEAST_S:g}, "
                "since another link is used only after 2.5 s of silence"
            )
        if len(set(self.links)) < len(self.links):
            raise ValueError(f"link names an address twice: {', '.join(self.links)}")
        return self
