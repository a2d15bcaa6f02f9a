"""What camera and gimbal say of themselves, whichever protocol and component they speak through."""

from dataclasses import dataclass
from enum import StrEnum

from agent.core.geo import LatLon


class CaptureResult(StrEnum):
    """How much a report of a picture proves."""

    TAKEN = "taken"  # the camera says that it has the picture
    TRIGGERED = "triggered"  # the autopilot released the shutter; nobody says that the camera obeyed
    FAILED = "failed"  # the camera says that it has none


@dataclass(frozen=True, slots=True)
class Capture:
    """One report of a picture.

    Attributes:
        camera: which camera, in the words of the link.
        numbering: a camera that counts anew, after a restart or a formatting, begins another numbering.
        index: the picture's number.
        taken_s: the event loop's time at which it was taken, by the camera's own clock; a late report does not make it late.
        place: where; None where the camera does not know.
    """

    camera: str
    numbering: int
    index: int
    taken_s: float
    place: LatLon | None
    result: CaptureResult

    @property
    def key(self) -> tuple[str, int, int]:
        """What tells it from every other picture."""
        return self.camera, self.numbering, self.index


@dataclass(frozen=True, slots=True)
class Camera:
    """CAMERA_INFORMATION, CAMERA_CAPTURE_STATUS and STORAGE_INFORMATION.

    Attributes:
        name: maker and model; empty where it does not say.
        takes_pictures: whether it says that it can.
        confirms: whether it reports each picture itself; else only the release of the shutter is known.
        pictures: how many it says it has taken.
        storage_free_mb: room for more; None where it does not say.
        component: who speaks for it: a component of its own, or the autopilot (1).
        zooms: whether it says that it can; likewise focuses, records (video on its own storage).
    """

    at_s: float
    name: str
    takes_pictures: bool
    confirms: bool
    pictures: int | None = None
    storage_free_mb: float | None = None
    component: int = 1
    zooms: bool = False
    focuses: bool = False
    records: bool = False


@dataclass(frozen=True, slots=True)
class GimbalControl:
    """GIMBAL_MANAGER_STATUS: who steers the gimbal; system 0 is nobody."""

    at_s: float
    system: int
    component: int
