"""Measures a model folder on labelled pictures and on clips, through the pipeline that flies, and writes the figures down."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from rich.progress import track

from agent.vision.frame import Frame
from agent.vision.perception import Perception
from agent.vision.runtime import Network
from models.training.data import DataError, Sample, describe
from models.training.figures import HAZARDS, Result, measure
from models.training.manifest_file import write_manifest
from models.training.pipeline import look_at

MEASURED_NAME = "measured.json"


@dataclass(frozen=True)
class Clip:
    """A clip and the first frame (from 0) that shows the thing, read by eye; None: it never does."""

    file: str
    hazards: tuple[str, ...]
    first_frame: int | None
    what: str
    every: int = 1
    """Only every n-th frame is looked at."""


CLIPS = (
    Clip("hpwren_timelapse_seq2.mp4", ("smoke", "fire"), 61, "far smoke from a mast; the camera is in no training picture"),
    Clip("hpwren_timelapse_seq3.mp4", ("smoke", "fire"), 71, "sunrise, then far smoke from a mast"),
    Clip("forest_fire_5.avi", ("fire",), 0, "forest fire front, from the ground", 5),
    Clip("forest_fire_forest2.avi", ("fire",), 0, "forest fire front, from the ground", 5),
    Clip("street_flood_ground.mp4", ("fire", "smoke"), None, "flooded street from the ground: no fire", 10),
    Clip("street_flood_ground.mp4", ("flood",), 0, "flooded street from the ground; aerial views were learnt", 10),
)


def evaluate(
    folder: Path, samples: Sequence[Sample], split: str, scratch: Path, threads: int
) -> tuple[dict[str, object], list[Result]]:
    """All figures of the model in `folder` on `samples`, and what it said of each."""
    manifest = Network(folder).manifest
    thresholds = {str(head.hazard): head.threshold for head in manifest.picture}
    results: list[Result] = list(track(look_at(samples, folder, scratch, threads), manifest.name, total=len(samples)))
    measured = {
        "model": manifest.name,
        "version": manifest.version,
        "sha256": manifest.sha256,
        "split": split,
        "data": describe(samples),
        **measure(manifest.name, results, thresholds, {str(one.hazard): one.threshold for one in manifest.classes}),
    }
    return measured, results


def evaluate_clips(folder: Path, clips: Path, threads: int) -> list[dict[str, object]]:
    """Per clip and hazard: frames alarmed before the thing is there, and the first frame alarmed after."""
    perception = Perception([Network(folder, threads)], tiles="always")
    own = set(HAZARDS[perception.networks[0].manifest.name])
    rows: list[dict[str, object]] = []
    for clip in track(CLIPS, "clips"):
        hazards = [hazard for hazard in clip.hazards if hazard in own]
        if not hazards or not (clips / clip.file).exists():
            continue
        frames = (frame for frame in _frames(clips / clip.file) if frame.index % clip.every == 0)
        alarms = {frame.index: {str(hazard) for hazard in perception.look(frame).alarms} for frame in frames}
        rows += [{"clip": clip.file, "what": clip.what, **_clip_figures(hazard, clip, alarms)} for hazard in hazards]
    return rows


def record(folder: Path, measured: dict[str, object]) -> None:
    """Writes `measured.json`, and the figures in short into the manifest."""
    text = json.dumps(measured, indent=1, allow_nan=False) + "\n"
    (folder / MEASURED_NAME).write_text(text, encoding="utf-8")
    manifest = Network(folder).manifest
    write_manifest(manifest.model_copy(update={"measured": _in_short(measured)}), folder)


def _in_short(measured: dict[str, object]) -> dict[str, object]:
    rows = measured["pictures"]
    if not isinstance(rows, list):
        raise TypeError("the table of pictures is not a list")
    wanted = ("recall", "false_alarm_rate", "auroc")
    return {
        "split": measured["split"],
        "details": MEASURED_NAME,
        "pictures": [
            {"question": row["question"], "hazard": row["hazard"], **{name: row.get(name, {}).get("value") for name in wanted}}
            for row in rows
            if row["positives"] + row["negatives"]
        ],
    }


def _clip_figures(hazard: str, clip: Clip, alarms: dict[int, set[str]]) -> dict[str, object]:
    begin = max(alarms, default=0) + 1 if clip.first_frame is None else clip.first_frame
    before = [hazard in found for index, found in alarms.items() if index < begin]
    after = {index: hazard in found for index, found in alarms.items() if index >= begin}
    return {
        "hazard": hazard,
        "frames_looked_at": len(alarms),
        "appears_at_frame": clip.first_frame,
        "frames_before": len(before),
        "false_alarm_frames_before": sum(before),
        "first_alarm_at_frame": next((index for index, called in after.items() if called), None),
        "alarmed_after": round(sum(after.values()) / len(after), 4) if after else None,
    }


def _frames(path: Path) -> Iterator[Frame]:
    video = cv2.VideoCapture(str(path))
    if not video.isOpened():
        raise DataError(f"{path}: not a readable video")
    index = 0
    try:
        while True:
            there, pixels = video.read()
            if not there:
                return
            yield Frame(np.asarray(pixels, dtype=np.uint8), path.name, index)
            index += 1
    finally:
        video.release()
