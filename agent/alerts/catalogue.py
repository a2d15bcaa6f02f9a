"""What each hazard means to the people who are told of it: one row a hazard.

The words of severity and urgency are those of CAP 1.2 (OASIS, section 3.2.2).
"""

from dataclasses import dataclass
from typing import Literal

from agent.domain.hazard import Hazard
from agent.domain.sighting import SightingLevel

Severity = Literal["Extreme", "Severe", "Moderate", "Minor", "Unknown"]
Urgency = Literal["Immediate", "Expected", "Future", "Past", "Unknown"]
Certainty = Literal["Observed", "Likely", "Possible", "Unlikely", "Unknown"]


@dataclass(frozen=True, slots=True)
class HazardRow:
    """One hazard.

    Attributes:
        family: hazards of one family at one place are one incident: the smoke and the fire it comes from.
        rank: within a family the highest rank names the incident.
        reach: factor on the merge distance; smoke is seen downwind of its fire.
        severity: CAP severity.
        severe_from_m2: from this extent on the severity is one step higher; None: never.
    """

    family: str
    rank: int
    reach: float
    severity: Severity
    urgency: Urgency
    severe_from_m2: float | None = None


CATALOGUE: dict[Hazard, HazardRow] = {
    Hazard.FIRE: HazardRow("plume", 3, 1.0, "Severe", "Immediate", severe_from_m2=10_000.0),
    Hazard.HOT_SPOT: HazardRow("plume", 1, 1.0, "Moderate", "Expected"),
    Hazard.SMOKE: HazardRow("plume", 2, 2.5, "Moderate", "Immediate", severe_from_m2=40_000.0),
    Hazard.FLOOD: HazardRow("water", 1, 2.0, "Severe", "Immediate", severe_from_m2=50_000.0),
    Hazard.PERSON: HazardRow("person", 1, 0.5, "Severe", "Immediate"),
    Hazard.VEHICLE: HazardRow("vehicle", 1, 0.5, "Minor", "Expected"),
    Hazard.LOGGING: HazardRow("logging", 1, 1.0, "Minor", "Expected"),
    Hazard.POLLUTION: HazardRow("pollution", 1, 1.0, "Moderate", "Expected", severe_from_m2=5_000.0),
}

_STEPS: tuple[Severity, ...] = ("Minor", "Moderate", "Severe", "Extreme")
_OBSERVED_FROM = 0.9
_LIKELY_FROM = 0.5


def severity(hazard: Hazard, extent_m2: float | None) -> Severity:
    """CAP severity of a hazard of that extent."""
    row = CATALOGUE[hazard]
    if row.severe_from_m2 is None or extent_m2 is None or extent_m2 < row.severe_from_m2:
        return row.severity
    return _STEPS[min(_STEPS.index(row.severity) + 1, len(_STEPS) - 1)]


def certainty(level: SightingLevel, confidence: float) -> Certainty:
    """CAP certainty: Observed where the evidence is confirmed and strong, Likely above one half, Unlikely when it is gone."""
    if level is SightingLevel.CLEARED:
        return "Unlikely"
    if level is SightingLevel.CONFIRMED and confidence >= _OBSERVED_FROM:
        return "Observed"
    return "Likely" if confidence > _LIKELY_FROM else "Possible"
