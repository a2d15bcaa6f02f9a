"""Finds the picture that goes with an alert, keeps it in the media store and makes it small enough for the hub.

An alert without its picture is better than no alert: what is wrong with a picture is logged with its code, and the alert goes.
"""

import asyncio
import hashlib
from dataclasses import dataclass

import structlog

from agent.alerts.incident import Incident, PictureKind, PublishedPicture
from agent.alerts.picture import as_jpeg, read_evidence
from agent.core.errors import StoreError
from agent.domain.sighting import Evidence
from agent.store.media import Importance, Media, Picture

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Snapshot:
    """A picture ready to be published, and what will be remembered of it."""

    record: PublishedPicture
    jpeg: bytes


class Snapshots:
    """The pictures of alerts.

    Args:
        media: where they are kept.
        max_bytes: largest JPEG for the hub.
    """

    def __init__(self, media: Media, max_bytes: int) -> None:
        self._media = media
        self._max_bytes = max_bytes

    async def new(self, incident: Incident, kind: PictureKind = "snapshot") -> Snapshot | None:
        """A picture of the incident that is not yet on the hub; None where there is none or it cannot be used."""
        evidence, known = _best(incident, kind), incident.pictures.get(kind)
        if evidence is None or (known and known.source_sha256 == evidence.sha256):
            return None
        try:
            original = await asyncio.to_thread(read_evidence, evidence)
            jpeg = await asyncio.to_thread(as_jpeg, original, self._max_bytes)
            at = evidence.captured_at.timestamp()
            sha256 = await self._media.add(Picture(jpeg, ".jpg", Importance.OPEN_ALERT, at, incident.id))
        except StoreError as error:
            log.warning("alert without picture", code=error.code, message=error.message, alert=incident.id)
            return None
        record = PublishedPicture(
            sha256=sha256,
            sha1=hashlib.sha1(jpeg, usedforsecurity=False).hexdigest(),  # the digest that CAP 1.2 prescribes
            size_bytes=len(jpeg),
            source_sha256=evidence.sha256,
            captured_at=evidence.captured_at,
            pose=evidence.pose,
        )
        return Snapshot(record, jpeg)

    async def published(self, incident: Incident, kind: PictureKind = "snapshot") -> bytes | None:
        """The picture that is on the hub, to be published under other topics; None where there is none any more."""
        known = incident.pictures.get(kind)
        if known is None:
            return None
        path = self._media.path_of(known.sha256, ".jpg")
        try:
            return await asyncio.to_thread(path.read_bytes)
        except OSError as error:
            log.warning("picture is gone", path=str(path), error=str(error))
            return None


def _best(incident: Incident, kind: PictureKind) -> Evidence | None:
    """The newest picture of the tracks of the incident's own hazard, else of any."""
    own = incident.current.hazard
    sightings = sorted(incident.tracks.values(), key=lambda s: (s.hazard is own, s.captured_at), reverse=True)
    return next((e for s in sightings for e in s.evidence if e.kind == kind), None)
