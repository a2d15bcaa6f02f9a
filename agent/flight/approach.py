"""Whether a landing may go on: the drone against the pad that its camera sees. Pure; one rule a line.

Above the gate nothing is judged yet. Below the commit height the landing is always finished, since close to the pad climbing
away is the greater risk. Between the two the drone must be seen aligned.
"""

from dataclasses import dataclass
from enum import StrEnum

from agent.config.landing import LandingSection


class Verdict(StrEnum):
    """What follows."""

    WAIT = "wait"  # too high to tell
    ALIGNED = "aligned"
    COMMITTED = "committed"  # too low to climb away
    BY_POSITION = "by_position"  # the pad was not seen, and need not be
    GO_AROUND = "go_around"


@dataclass(frozen=True, slots=True)
class Alignment:
    """What is known at one moment of the descent.

    Attributes:
        height_m: over the pad: by its markers while they are seen, else by the autopilot.
        offset_m: across from the pad's centre; None while it is not seen.
        seen_before: whether the pad was seen earlier in this approach.
    """

    height_m: float
    offset_m: float | None
    seen_before: bool


def judge(now: Alignment, section: LandingSection) -> tuple[Verdict, str]:
    """The verdict, and the values behind it in words."""
    if now.height_m > section.gate_height_m:
        return Verdict.WAIT, ""
    if now.height_m <= section.commit_height_m:
        return Verdict.COMMITTED, ""
    at = f"at {now.height_m:.1f} m"
    if now.offset_m is not None:
        words = f"{now.offset_m:.2f} m from the pad's centre {at}, limit {section.offset_max_m:g} m"
        return (Verdict.ALIGNED if now.offset_m <= section.offset_max_m else Verdict.GO_AROUND), words
    if now.seen_before:
        return Verdict.GO_AROUND, f"the pad was lost from sight {at}"
    return (Verdict.GO_AROUND if section.required else Verdict.BY_POSITION), f"the pad was not seen {at}"
