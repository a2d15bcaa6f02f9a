"""What a flight may ask of a drone, whatever autopilot it has.

Every request answers with a value: accepted, or refused with a code and the autopilot's own words. Nothing here raises for a
refusal. A link that is gone raises :class:`agent.core.errors.LinkError`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from agent.core.geo import LatLon
from agent.core.outcome import Outcome, Refused
from agent.domain.landing import PadFix
from agent.domain.mission import FlightPlan, RallyPoint
from agent.domain.telemetry import FlightMode, Telemetry
from agent.mavlink.enums import Capability


@dataclass(frozen=True, slots=True)
class VehicleIdentity:
    """Which autopilot this is.

    Attributes:
        autopilot: its name.
        firmware: a version such as ``4.6.3``.
        uid: its hardware id in hex.
        capabilities: what it says it can do.
    """

    autopilot: str
    firmware: str
    uid: str
    capabilities: Capability


@dataclass(frozen=True, slots=True)
class ParameterDeviation:
    """A parameter that is not as the set demands; actual is None where the autopilot does not know it."""

    name: str
    expected: str
    actual: float | None
    reason: str


Progress = Callable[[str, int, int], None]
"""Called with what is transferred (mission, fence, rally, or one of these and "read back"), items done and items in all."""


class Vehicle(Protocol):
    """A drone."""

    @property
    def telemetry(self) -> Telemetry:
        """The newest of everything, with the time each group was heard."""
        ...

    @property
    def identity(self) -> VehicleIdentity | None:
        """None until the autopilot was heard and asked."""
        ...

    @property
    def goto_mode(self) -> FlightMode:
        """The flight mode in which it flies to a place that :meth:`goto` sends. UNKNOWN until the autopilot was heard."""
        ...

    @property
    def problems(self) -> Sequence[Refused]:
        """What is wrong with the links to it right now."""
        ...

    @property
    def on_link_loss(self) -> Literal["finish", "return"]:
        """What the parameters of the configured set make it do by itself in a mission while the nest is silent."""
        ...

    def link_failsafe_since(self, at_s: float) -> bool:
        """Whether the autopilot has said since then (loop time) that it came home by itself because the nest was silent."""
        ...

    async def upload(self, plan: FlightPlan, progress: Progress | None = None) -> Outcome:
        """Uploads fence, rally points and mission, reads all back and compares. Accepted only if all are equal."""
        ...

    async def adopt(self, plan: FlightPlan) -> Outcome:
        """Takes the mission on board as this plan, if it reads back equal. For an agent that restarts while the drone flies."""
        ...

    async def verify_parameters(self) -> Sequence[ParameterDeviation]:
        """Reads the parameters of the configured set and returns those that are not right."""
        ...

    async def launch(self) -> Outcome:
        """Arms and starts the uploaded mission from the ground. Looks at the state first; never arms blindly twice."""
        ...

    async def pause(self) -> Outcome:
        """Holds position in the air, in a mode that still comes home when the nest falls silent."""
        ...

    async def resume(self, index: int) -> Outcome:
        """Continues the mission at an item of the uploaded plan."""
        ...

    async def goto(self, place: LatLon, alt_rel_m: float, heading_deg: float | None = None) -> Outcome:
        """Flies to a place and stays there. The caller has checked it against the fence."""
        ...

    async def point_camera(self, place: LatLon, alt_amsl_m: float) -> Outcome:
        """Keeps the camera on a place while the drone flies, with gimbal or nose as the drone has it."""
        ...

    async def look_ahead(self, pitch_deg: float) -> Outcome:
        """Keeps the camera over the nose at a pitch against the horizon, until it is released or the mission orders another."""
        ...

    async def take_pictures(self) -> Outcome:
        """One picture with each camera, where it is. Accepted when each is reported; the words say what that proves.

        Refused: ``camera.none``, ``camera.refused``, ``camera.no_picture``.
        """
        ...

    async def zoom(self, share: float) -> Outcome:
        """0 widest to 1 longest. Refused (``camera.cannot``) where no camera says that it can; so are the next two."""
        ...

    async def focus(self, share: float | None) -> Outcome:
        """0 nearest to 1 infinity; None lets the camera focus once by itself."""
        ...

    async def record(self, *, on: bool) -> Outcome:
        """Begins or ends a video on the camera's own storage."""
        ...

    async def release_camera(self) -> Outcome:
        """Ends pointing at a place, and steering the camera. A mission that is resumed brings its own camera angle back."""
        ...

    async def return_home(self) -> Outcome:
        """Comes home and lands on the pad, by the autopilot's own return mode."""
        ...

    async def returns_to_pad(self) -> Outcome:
        """Whether its own return would end on the pad, by what is on board. Refused (``vehicle.returns_elsewhere``) if not."""
        ...

    async def return_to_rally(self, point: RallyPoint) -> Outcome:
        """Comes down at a rally point by the autopilot's own return, which goes on if the nest dies.

        Refused (``vehicle.no_rally``) where it has no such return or would go elsewhere; then :meth:`land_at` remains.
        """
        ...

    async def forget_rally(self) -> Outcome:
        """Returns end on the pad again. To be called when it is down."""
        ...

    async def land_at(self, place: LatLon, alt_rel_m: float) -> Outcome:
        """Lands at a place, to which it flies at a height. Gives the order that is due now: to be called until it lands."""
        ...

    async def land_here(self) -> Outcome:
        """Lands where it is."""
        ...

    async def land_on_pad(self) -> Outcome:
        """Lands where it is, and on the pad that it is shown."""
        ...

    def show_pad(self, fix: PadFix) -> None:
        """Tells the autopilot where the pad is, for each picture that shows it. Lost while the drone is not heard."""
        ...

    async def disarm(self) -> Outcome:
        """Stops the motors on the ground. Refused in the air."""
        ...
