"""What the product looks for."""

from enum import StrEnum


class Hazard(StrEnum):
    """A kind of danger, as it stands in topics and payloads."""

    FIRE = "fire"
    SMOKE = "smoke"
    FLOOD = "flood"
    HOT_SPOT = "hot_spot"
    PERSON = "person"
    VEHICLE = "vehicle"
    LOGGING = "logging"
    POLLUTION = "pollution"
