"""What a probe is, and what it may use."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from agent.core.geo import LatLon, LocalFrame
from simulator.conformance.talk import Talk
from simulator.sitl.binary import Backend


class Family(StrEnum):
    """Whose manners a vehicle has."""

    ARDUPILOT = "ArduPilot"
    PX4 = "PX4"


FAMILIES: Mapping[Backend, Family] = {
    Backend.BUILTIN: Family.ARDUPILOT,
    Backend.ARDUPILOT: Family.ARDUPILOT,
    Backend.PX4: Family.PX4,
}


@dataclass(slots=True)
class Asked:
    """The vehicle that is asked.

    Attributes:
        talk: the conversation.
        family: whose manners it should have.
        home: where it stands.
    """

    talk: Talk
    family: Family
    home: LatLon

    def place_e7(self, north_m: float, east_m: float) -> tuple[int, int]:
        """A place by metres from home, in degrees times 1e7."""
        place = LocalFrame(self.home).to_latlon(north_m, east_m)
        return round(place.lat_deg * 1e7), round(place.lon_deg * 1e7)


@dataclass(frozen=True, slots=True)
class Probe:
    """One behaviour.

    Attributes:
        words: what is asked.
        expected: the answer of the real autopilots, as measured on ArduCopter 4.6.3 and PX4 1.18-beta.
        ask: asks it and gives the answer in a few words.
    """

    words: str
    expected: Mapping[Family, str]
    ask: Callable[[Asked], Awaitable[str]]


def same(both: str) -> Mapping[Family, str]:
    """Both autopilots answer alike."""
    return {Family.ARDUPILOT: both, Family.PX4: both}


def each(ardupilot: str, px4: str) -> Mapping[Family, str]:
    """Each answers in its own way."""
    return {Family.ARDUPILOT: ardupilot, Family.PX4: px4}
