"""What a flight needs of its neighbours, as narrow protocols, so that each can be replaced in a test."""

from collections.abc import Callable, Mapping
from typing import Protocol

from agent.core.outcome import Outcome
from agent.domain.landing import PadView
from agent.domain.nest_state import DockState, DronePresence, Weather
from agent.domain.sighting import Sighting, VisionStatus
from agent.domain.status import FlightReport
from agent.flight.record import FlightRecord

Presence = Callable[[], DronePresence]


class Station(Protocol):
    """The dock and the weather station. Each coroutine checks its interlocks itself and verifies by sensors."""

    @property
    def dock(self) -> DockState | None:
        """The newest reading of the dock."""
        ...

    @property
    def weather(self) -> Weather | None:
        """The newest reading of the weather station."""
        ...

    async def prepare_launch(self, presence: Presence) -> Outcome:
        """Charger off, lid open, clamps released."""
        ...

    async def secure(self, presence: Presence) -> Outcome:
        """Clamps engaged, lid closed, charging."""
        ...

    async def open_for_landing(self, presence: Presence) -> Outcome:
        """Lid open, clamps released, for a drone in the air."""
        ...


class Eyes(Protocol):
    """The vision process."""

    @property
    def status(self) -> VisionStatus | None:
        """What it last said of itself."""
        ...

    @property
    def well_at_s(self) -> float | None:
        """Loop time when it last said that all is well."""
        ...

    @property
    def sightings(self) -> Mapping[str, Sighting]:
        """The newest sighting of each track of the flight that is watched."""
        ...

    def watch(self, flight: str | None) -> None:
        """Looks for hazards on behalf of a flight; None ends it."""
        ...


class PadEye(Protocol):
    """The camera that looks down at the pad."""

    @property
    def view(self) -> PadView | None:
        """The newest fix of the pad, dated by its picture."""
        ...

    @property
    def health(self) -> tuple[str, ...]:
        """Codes of what is wrong with it; empty when all is well."""
        ...

    @property
    def looked_s(self) -> float:
        """How long it has been giving pictures since it was told to look."""
        ...

    def try_out(self, *, on: bool) -> None:
        """Looks whether the camera gives a picture, and shows the autopilot nothing, or stops."""
        ...

    def watch(self, on: bool) -> None:  # noqa: FBT001 the switch is the whole message
        """Looks for the pad, and shows it to the autopilot, or stops."""
        ...


class Journal(Protocol):
    """What a restarted agent reads to know what it was doing."""

    def write(self, record: FlightRecord) -> None:
        """Appends durably.

        Raises:
            StoreError: it is not safe on disk.
        """
        ...

    def latest(self) -> FlightRecord | None:
        """The last record, None in a new nest."""
        ...


class Reports(Protocol):
    """Where flight reports go."""

    async def publish_report(self, report: FlightReport) -> None:
        """Stores the report for the hub.

        Raises:
            StoreError: it is not safe on disk.
        """
        ...
