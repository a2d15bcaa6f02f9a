"""One incident: what is known of it, and what was last said about it. Values and pure functions only.

Several tracks can belong to one incident: the fire and its smoke, or the same fire in two flights. The leading track gives
place and extent: the highest rank of its family (``catalogue``), then the newest.
"""

from datetime import datetime, timedelta
from typing import Literal

from pydantic import Field

from agent.alerts.catalogue import CATALOGUE, certainty, severity
from agent.domain.alert import Alert, AlertStatus, AlertWeather, GeoJsonPolygon, HistoryEntry
from agent.domain.sighting import CameraPoseRecord, Sighting, SightingLevel
from agent.domain.wire import Utc, Wire

_STILL_SEEN_S = 120.0
_GROWTH_BASE_S = 30.0
_HISTORY_MAX = 100
_TRACKS_MAX = 20
_CONFIDENCE_UNSEEN = 0.1


class SightingContext(Wire):
    """What the flight knew when the sighting was made."""

    flight: str | None = None
    route: str | None = None
    inspection_point: str | None = None
    weather: AlertWeather | None = None


PictureKind = Literal["snapshot", "thermal"]
PICTURE_KINDS: tuple[PictureKind, ...] = ("snapshot", "thermal")
"""Kinds of evidence that are published; also rows of the table of topics."""


class PublishedPicture(Wire):
    """A picture as it was published; the file is in the media store.

    Attributes:
        sha256: of the published JPEG.
        sha1: the same in CAP's digest; None for one of an earlier program.
        source_sha256: of the evidence file it was made from.
    """

    sha256: str
    sha1: str | None = None
    size_bytes: int | None = None
    source_sha256: str
    captured_at: Utc
    pose: CameraPoseRecord | None = None


class Incident(Wire):
    """An incident with its alert.

    Attributes:
        current: what is known now.
        published: the last message; None until the first.
        departments: who is told.
        tracks: newest sighting of each track.
        first_extent_m2: extent when it was first measured, the base of the growth rate.
        picture: the snapshot that stands on the hub.
        thermal: the thermal picture that stands on the hub.
        sent_at: when the last message was committed.
        closed_at: when it was closed.
        cap_references: department -> CAP messages sent to it so far, as later ones name them.
    """

    current: Alert
    published: Alert | None = None
    departments: tuple[str, ...]
    tracks: dict[str, Sighting]
    first_extent_m2: float | None = None
    first_extent_at: Utc | None = None
    picture: PublishedPicture | None = None
    thermal: PublishedPicture | None = None
    sent_at: Utc | None = None
    closed_at: Utc | None = None
    cap_references: dict[str, tuple[str, ...]] = Field(default_factory=dict)

    @property
    def id(self) -> str:
        """The alert's id."""
        return self.current.alert

    @property
    def pictures(self) -> dict[PictureKind, PublishedPicture]:
        """What stands on the hub, by kind."""
        both: tuple[tuple[PictureKind, PublishedPicture | None], ...] = (("snapshot", self.picture), ("thermal", self.thermal))
        return {kind: picture for kind, picture in both if picture is not None}

    def with_picture(self, kind: PictureKind, picture: PublishedPicture) -> "Incident":
        """The incident with that picture on the hub."""
        return self.model_copy(update={"picture" if kind == "snapshot" else "thermal": picture})

    @property
    def closed(self) -> bool:
        """Whether nothing follows."""
        return self.current.status.closed


def opened(
    alert: str, sighting: Sighting, context: SightingContext, departments: tuple[str, ...], *, simulated: bool
) -> Incident:
    """A new incident. Its alert is OPEN with sequence 1 and not yet published."""
    current = Alert(
        alert=alert,
        sequence=1,
        status=AlertStatus.OPEN,
        hazard=sighting.hazard,
        severity=severity(sighting.hazard, sighting.extent_m2),
        urgency=CATALOGUE[sighting.hazard].urgency,
        certainty=certainty(sighting.level, sighting.confidence),
        confidence=sighting.confidence,
        first_seen=sighting.first_seen,
        last_seen=sighting.last_seen,
        position=sighting.position,
        area=_polygon(sighting),
        extent_m2=sighting.extent_m2,
        flight=context.flight,
        route=context.route,
        inspection_point=context.inspection_point,
        weather=context.weather,
        detector=sighting.detector,
        simulated=simulated,
    )
    return Incident(
        current=current,
        departments=departments,
        tracks={sighting.track: sighting},
        first_extent_m2=sighting.extent_m2,
        first_extent_at=sighting.captured_at if sighting.extent_m2 is not None else None,
    )


def absorbed(incident: Incident, sighting: Sighting, context: SightingContext) -> Incident:
    """The incident with one more sighting. Status, sequence and history stay: nothing is said yet."""
    known = incident.tracks.get(sighting.track)
    if known is not None and known.captured_at > sighting.captured_at:
        return incident
    tracks = _newest({**incident.tracks, sighting.track: sighting})
    lead = _lead(tracks)
    alive = _alive(tracks, sighting.captured_at)
    best = max(alive, key=lambda s: (s.level is SightingLevel.CONFIRMED, s.confidence), default=sighting)
    now = incident.current
    hazard = max((now.hazard, lead.hazard), key=lambda h: CATALOGUE[h].rank)
    first_m2, first_at = incident.first_extent_m2, incident.first_extent_at
    grown = _growth(first_m2, first_at, lead)
    if first_m2 is None and lead.extent_m2 is not None:
        first_m2, first_at = lead.extent_m2, lead.captured_at
    current = now.model_copy(
        update={
            "hazard": hazard,
            "severity": severity(hazard, lead.extent_m2),
            "urgency": CATALOGUE[hazard].urgency,
            "certainty": certainty(best.level, best.confidence),
            "confidence": best.confidence,
            "first_seen": min(now.first_seen, sighting.first_seen),
            "last_seen": max(now.last_seen, sighting.last_seen),
            "position": lead.position,
            "area": _polygon(lead) or now.area,
            "extent_m2": lead.extent_m2 if lead.extent_m2 is not None else now.extent_m2,
            "growth_m2_per_min": now.growth_m2_per_min if grown is None else grown,
            "detector": lead.detector,
            "weather": context.weather or now.weather,
            "flight": context.flight or now.flight,
            "route": context.route or now.route,
            "inspection_point": context.inspection_point or now.inspection_point,
        }
    )
    return incident.model_copy(
        update={"current": current, "tracks": tracks, "first_extent_m2": first_m2, "first_extent_at": first_at}
    )


def gone(incident: Incident) -> bool:
    """Whether the newest look found nothing and no other track of the incident is still seen."""
    newest = max(incident.tracks.values(), key=lambda s: s.captured_at)
    return newest.level is SightingLevel.CLEARED and not _alive(incident.tracks, newest.captured_at)


def doubted(incident: Incident) -> Incident:
    """The incident after a look at its whole place that saw nothing."""
    current = incident.current
    confidence = min(current.confidence, _CONFIDENCE_UNSEEN)
    update = {"certainty": certainty(SightingLevel.CLEARED, confidence), "confidence": confidence}
    return incident.model_copy(update={"current": current.model_copy(update=update)})


def said(incident: Incident, status: AlertStatus, at: datetime, by: str, reason: str) -> Incident:
    """The incident after its next message: status, sequence and history move on, and this is what was published."""
    entry = HistoryEntry(at=at, by=by, status=status, reason=reason)
    sequence = incident.published.sequence + 1 if incident.published else 1
    history = (*incident.current.history, entry)[-_HISTORY_MAX:]
    current = incident.current.model_copy(update={"status": status, "sequence": sequence, "history": history})
    closed_at = at if status.closed else None
    return incident.model_copy(update={"current": current, "published": current, "sent_at": at, "closed_at": closed_at})


def _newest(tracks: dict[str, Sighting]) -> dict[str, Sighting]:
    """The newest tracks; an incident of many flights must not grow without end."""
    newest = sorted(tracks, key=lambda t: tracks[t].captured_at)[-_TRACKS_MAX:]
    return {track: tracks[track] for track in newest}


def _lead(tracks: dict[str, Sighting]) -> Sighting:
    """Of the tracks that are not cleared, the highest rank and then the newest; else the newest of all."""
    open_tracks = [s for s in tracks.values() if s.level is not SightingLevel.CLEARED]
    return max(open_tracks or tracks.values(), key=lambda s: (CATALOGUE[s.hazard].rank, s.captured_at))


def _alive(tracks: dict[str, Sighting], at: datetime) -> list[Sighting]:
    """Tracks that were seen shortly before."""
    since = at - timedelta(seconds=_STILL_SEEN_S)
    return [s for s in tracks.values() if s.level is not SightingLevel.CLEARED and s.captured_at >= since]


def _growth(first_m2: float | None, first_at: datetime | None, lead: Sighting) -> float | None:
    if first_m2 is None or first_at is None or lead.extent_m2 is None:
        return None
    passed_s = (lead.captured_at - first_at).total_seconds()
    return (lead.extent_m2 - first_m2) / (passed_s / 60.0) if passed_s >= _GROWTH_BASE_S else None


def _polygon(sighting: Sighting) -> GeoJsonPolygon | None:
    return GeoJsonPolygon(coordinates=(sighting.area,)) if sighting.area else None
