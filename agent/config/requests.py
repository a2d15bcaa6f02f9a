"""Which departments may ask for flights, and within which bounds."""

import base64
import binascii
from datetime import time
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, AwareDatetime, Field, model_validator

from agent.config.hub import DepartmentName
from agent.config.section import ExpandedPath, Section
from agent.domain.request import Priority


def _ed25519_key(text: str) -> str:
    try:
        size = len(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError) as error:
        raise ValueError("must be base64 of an Ed25519 public key (32 bytes)") from error
    if size != 32:
        raise ValueError(f"holds {size} bytes; an Ed25519 public key has 32")
    return text


class RequestKey(Section):
    """A key with which a department signs. For a change of keys, list the old and the new one for a while."""

    public: Annotated[str, AfterValidator(_ed25519_key)]
    """Ed25519 public key, 32 bytes in base64."""
    not_after: AwareDatetime | None = None
    """It counts no longer after that; null: without an end."""


class RequestRights(Section):
    """What one department may ask for."""

    scenarios: tuple[str, ...] = ()
    """Scenarios that it may ask for; empty: all."""
    area_file: ExpandedPath | None = None
    """GeoJSON polygon within which it may have things looked at; null: everywhere inside the geofence."""
    from_utc: time | None = None
    """Flights start at this time of day at the earliest; null: at any time."""
    until_utc: time | None = None
    """Flights start before this time of day; earlier than from_utc means over midnight."""
    priority_max: Priority = Priority.ELEVATED
    """Highest priority that it may ask for."""
    daily_quota: int = Field(default=20, ge=0, le=1000)
    """Requests that are accepted in one UTC day."""
    keys: tuple[RequestKey, ...] = ()
    """With which it signs its requests."""

    @model_validator(mode="after")
    def _sense(self) -> Self:
        if (self.from_utc is None) != (self.until_utc is None):
            raise ValueError("from_utc and until_utc must both be given, or neither")
        if self.from_utc is not None and self.from_utc == self.until_utc:
            raise ValueError(f"from_utc and until_utc are both {self.from_utc}; leave both out for the whole day")
        return self


class RequestsSection(Section):
    """Flights that departments ask for over the hub."""

    departments: dict[DepartmentName, RequestRights] = Field(default_factory=dict)
    """Who may ask, by the department's name. Empty: nobody may."""
    signature_required: bool = False
    """Refuse what is not signed with one of the department's keys. What is signed must be signed right in any case."""
    per_minute_max: int = Field(default=12, ge=1, le=600)
    """Messages of one department in a minute; more are dropped."""
    queue_max: int = Field(default=50, ge=1, le=1000)
    """Accepted requests that wait at once."""
    horizon_s: float = Field(default=172800.0, ge=600, le=2592000)
    """A request may expire, or begin, so far in the future at most."""
    retry_after_s: float = Field(default=300.0, ge=10, le=3600)
    """A requested flight that may not start now (weather, charge) is tried again after so long, until it expires."""
    emergency: Literal["recall", "wait"] = "recall"
    """recall: an emergency calls home a flight of lower priority. wait: it is flown after it."""

    @model_validator(mode="after")
    def _sense(self) -> Self:
        keyless = sorted(name for name, rights in self.departments.items() if not rights.keys)
        if self.signature_required and keyless:
            raise ValueError(f"signature_required needs keys for each department; {keyless[0]} has none")
        return self
