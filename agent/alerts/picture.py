"""The snapshot that goes with an alert: read, proven unchanged, small enough. Runs off the event loop."""

import hashlib
from pathlib import Path

import cv2
import numpy as np

from agent.core.errors import StoreError
from agent.domain.sighting import Evidence

_QUALITIES = (85, 75, 65, 55, 45, 35)
_SHRINK = 0.75
_SMALLEST_SIDE_PX = 160
_JPEG_MAGIC = b"\xff\xd8\xff"


def read_evidence(evidence: Evidence) -> bytes:
    """The bytes of the file.

    Raises:
        StoreError: it is not there, or is not the file that was seen.
    """
    path = Path(evidence.path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise StoreError("alert.picture", f"{path}: cannot be read ({error})") from error
    found = hashlib.sha256(data).hexdigest()
    if found != evidence.sha256:
        raise StoreError("alert.picture", f"{path}: its SHA-256 is {found}, the sighting says {evidence.sha256}")
    return data


def as_jpeg(data: bytes, max_bytes: int) -> bytes:
    """The picture as JPEG of at most so many bytes: unchanged if it is one, else with less quality, then smaller.

    Raises:
        StoreError: the bytes are no picture, or it cannot be made small enough.
    """
    if data.startswith(_JPEG_MAGIC) and len(data) <= max_bytes:
        return data
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    if image is None:
        raise StoreError("alert.picture", f"{len(data)} bytes are no picture that can be decoded")
    while min(image.shape[:2]) >= _SMALLEST_SIDE_PX:
        for quality in _QUALITIES:
            done, encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
            if done and encoded.size <= max_bytes:
                return encoded.tobytes()
        image = cv2.resize(image, None, fx=_SHRINK, fy=_SHRINK, interpolation=cv2.INTER_AREA)
    raise StoreError("alert.picture", f"cannot be made smaller than {max_bytes} bytes")
