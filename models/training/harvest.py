"""`nest-models harvest`: dispatchers' answers and the pictures they judged, as a labelled folder for retraining.

Reads a nest's store, which it never changes, and writes the form of every labelled set: `images/`, `split.csv` and `SOURCE.md`.
A false alarm is a picture that shows nothing of the hazard; a resolved alert is one that does. Labels are of whole pictures:
a dispatcher judged the alert, not a box. All pictures of one alert are one group and stay in one split.
"""

import csv
import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from agent.alerts.incident import Incident
from agent.domain.alert import AlertStatus
from agent.domain.sighting import Evidence
from models.training.data import DataError

DATABASE = "hub.sqlite"
_KIND = "snapshot_raw"
"""The picture as the camera gave it; the annotated one would teach the boxes drawn into it."""
_CLOSED = "SELECT body FROM incident WHERE closed = 1 ORDER BY changed_unix_s, alert"
_ANSWERS = {AlertStatus.FALSE_ALARM: False, AlertStatus.RESOLVED: True}
_COLUMNS = ("file", "label", "split", "group", "hazard", "confidence", "model", "captured_at", "answered_by", "reason")


@dataclass(frozen=True)
class Row:
    """One picture with its judgement. `label` is the hazard, or `none`."""

    evidence: Evidence
    label: str
    split: str
    incident: Incident

    @property
    def file(self) -> str:
        """Its name in `images/`."""
        return f"{self.evidence.sha256[:16]}.jpg"

    def cells(self) -> dict[str, str]:
        """The row of `split.csv`."""
        alert, last = self.incident.current, self.incident.current.history[-1]
        values = (
            *(self.file, self.label, self.split, alert.alert, alert.hazard.value, f"{alert.confidence:.4f}"),
            *(f"{alert.detector.name} {alert.detector.version}", self.evidence.captured_at.isoformat(), last.by, last.reason),
        )
        return dict(zip(_COLUMNS, values, strict=True))


@dataclass
class Harvest:
    """What came of it: counts of pictures by label, and of those left out by reason."""

    taken: dict[str, int] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)

    def leave_out(self, reason: str) -> None:
        """Counts one."""
        self.left_out[reason] = self.left_out.get(reason, 0) + 1


def harvest(stores: Sequence[Path], out: Path, *, simulated: bool = False) -> Harvest:
    """Gathers the judged pictures of nests' stores into a folder.

    Args:
        stores: `store.directory` of each nest, or a copy of it. An agent may be at work there.
        out: made; a picture that is there already is written again, so the command can be repeated.
        simulated: takes the simulator's alerts and leaves out the real ones, instead of the other way round. They never mix.

    Raises:
        DataError: a store is none, or the folder cannot be written.
    """
    result = Harvest()
    rows: dict[str, Row] = {}
    for store in stores:
        for incident in _closed(store):
            if incident.current.simulated is simulated:
                for row in _rows(incident, result):
                    rows[row.file] = row
    _write(out, rows.values(), result)
    return result


def split_of(group: str) -> str:
    """Train, val or test by the alert's name: 80, 10 and 10 of a hundred, the same at every harvest."""
    place = int.from_bytes(hashlib.sha256(group.encode()).digest()[:4], "big") / 2**32
    return "train" if place < 0.8 else "val" if place < 0.9 else "test"


def _closed(store: Path) -> Iterator[Incident]:
    path = store / DATABASE
    if not path.is_file():
        raise DataError(f"{path}: there is no such file; name the folder that store.directory names")
    try:
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        try:
            for (body,) in connection.execute(_CLOSED):
                yield Incident.model_validate_json(body)
        finally:
            connection.close()
    except (sqlite3.Error, ValidationError) as error:
        raise DataError(f"{path}: not the store of a nest of this version: {' '.join(str(error).split())[:200]}") from error


def _rows(incident: Incident, result: Harvest) -> Iterator[Row]:
    """The pictures of one incident that can be used; the others are counted."""
    answer = _ANSWERS.get(incident.current.status)
    if answer is None:
        result.leave_out("not answered")
        return
    split = split_of(incident.id)
    for track in incident.tracks.values():
        label = track.hazard.value if answer else "none"
        for evidence in track.evidence:
            if evidence.kind == _KIND:
                fault = _fault(evidence)
                if fault is None:
                    yield Row(evidence, label, split, incident)
                else:
                    result.leave_out(fault)


def _fault(evidence: Evidence) -> str | None:
    try:
        data = Path(evidence.path).read_bytes()
    except OSError:
        return "picture gone"
    return None if hashlib.sha256(data).hexdigest() == evidence.sha256 else "picture changed"


def _write(out: Path, rows: Iterable[Row], result: Harvest) -> None:
    try:
        (out / "images").mkdir(parents=True, exist_ok=True)
        with (out / "split.csv").open("w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, _COLUMNS)
            table.writeheader()
            for row in rows:
                (out / "images" / row.file).write_bytes(Path(row.evidence.path).read_bytes())
                table.writerow(row.cells())
                result.taken[row.label] = result.taken.get(row.label, 0) + 1
        (out / "SOURCE.md").write_text(_source(result), encoding="utf-8")
    except OSError as error:
        raise DataError(f"{error.filename or out}: {error.strerror}") from error


def _source(result: Harvest) -> str:
    taken = ", ".join(f"{count} {label}" for label, count in sorted(result.taken.items())) or "nothing"
    left = ", ".join(f"{count} {reason}" for reason, count in sorted(result.left_out.items())) or "nothing"
    return (
        "# harvest\n\n"
        f"- What: pictures of alerts that dispatchers answered. {taken}.\n"
        "- Label: of the whole picture. `none`: the alert was a false alarm, so what `hazard` names is not in the picture;\n"
        "  another hazard may be. Else the hazard that was resolved as real. No boxes, no masks.\n"
        "- Groups: one alert each; a group stays in one split.\n"
        f"- Left out: {left}.\n"
        "- Licence: the nest's operator's own. People and houses may be seen: mind the law before it leaves your hands.\n"
        "- Faults: only what was alerted is here. What the model missed is not, so recall cannot be measured with it.\n"
    )
