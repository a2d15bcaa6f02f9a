"""Writes CARD.md from the measured figures. Every number comes from `measured.json`, every word from `card_words.yaml`."""

from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from agent.vision.manifest import Manifest

Row = dict[str, Any]


def _words() -> Row:
    """The cards' words by model, and those that all cards share."""
    text = files("models.training").joinpath("card_words.yaml").read_text(encoding="utf-8")
    words: Row = yaml.safe_load(text)
    return words


def write_card(folder: Path, manifest: Manifest, measured: Row, training: Row) -> None:
    """Writes `CARD.md` into the model's folder."""
    words = _words()
    own = words[manifest.name]
    parts = [
        f"# Model card: {manifest.name} {manifest.version}",
        own["purpose"],
        _facts(manifest),
        "## Measured",
        words["measured"],
        f"Split: {measured['split']}. SHA-256 of the measured file: `{measured['sha256']}`.",
        *markdown_tables(measured),
        "## Where it is weak",
        "\n".join(f"- {line}" for line in own["weak"]),
        "## Trained on",
        _training_table(training),
        words["training"],
        f"Licence: {manifest.licence}. {words['licence']}",
    ]
    (folder / "CARD.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def markdown_tables(measured: Row) -> list[str]:
    """Headings and tables of all figures, in Markdown."""
    return [
        "### Pictures",
        _picture_table(measured["pictures"]),
        "### By source",
        _source_table(measured["by_source"]),
        *_special(measured),
        *_clips(measured.get("clips", [])),
    ]


def _facts(manifest: Manifest) -> str:
    heads = "; ".join(
        f"{head.hazard}: alarm from {head.threshold:.2f} (probability = sigmoid({head.calibration.a:.3f} x logit "
        f"{head.calibration.b:+.3f}))"
        for head in manifest.picture
    )
    boxes = ", ".join(f"{one.name} from {one.threshold:.2f}" for one in manifest.classes)
    penalty = manifest.tiles.picture_penalty
    tiled = f"frames more than {manifest.tiles.zoom_min:g} times larger also in overlapping tiles"
    zoom = tiled if manifest.tiles.enabled else "always the whole frame"
    lines = [
        f"- Input: RGB {manifest.input.width} x {manifest.input.height}, letterboxed; {zoom}.",
        f"- Picture scores: {heads}.",
        "- MobileNetV2 backbone from ImageNet weights (first blocks frozen), feature pyramid, separable heads; fp32 ONNX.",
    ]
    if manifest.tiles.enabled:
        lines.append(f"- A picture's score is the greatest of the whole's and the tiles', each tile's log-odds less {penalty}.")
    if boxes:
        lines.append(f"- Boxes: {boxes}.")
    else:
        lines.append(f"- Water: pixels from a probability of {manifest.mask_threshold}.")
    return "\n".join(lines)


def _picture_table(rows: list[Row]) -> str:
    columns = ("question", "score", "+ / -", "precision", "recall", "F1", "false alarms", "AUROC", "ECE")
    head = _head(*columns)
    names = ("precision", "recall", "f1", "false_alarm_rate", "auroc", "calibration_error")
    lines = [
        f"| {row['question']} | {row['hazard']} | {row['positives']} / {row['negatives']} | "
        + " | ".join(_figure(row.get(name)) for name in names)
        + " |"
        for row in rows
        if row["positives"] + row["negatives"]
    ]
    return "\n".join([head, *lines])


def _head(*columns: str) -> str:
    return "| " + " | ".join(columns) + " |\n" + "|---" * len(columns) + "|"


def _source_table(rows: list[Row]) -> str:
    head = _head("source", "score", "pictures", "alarmed")
    lines = [
        f"| {row['source']} | {row['hazard']} | {row['pictures']} {row['kind']} | {_figure(row['alarmed'])} |" for row in rows
    ]
    return "\n".join([head, *lines])


def _special(measured: Row) -> list[str]:
    return _boxes(measured) if "boxes" in measured else _masks(measured)


def _boxes(measured: Row) -> list[str]:
    boxes = [
        f"| {row['class']} | {', '.join(row['sources'])} | {row['pictures']} | {row['boxes']} "
        f"| {_figure(row.get('ap50'))} | {_figure(row.get('ap20'))} |"
        for row in measured["boxes"]
        if row["pictures"]
    ]
    sizes = [
        f"| {row['longest_side_px'][0]}-{row['longest_side_px'][1]} | {row['boxes']} | {_figure(row['found'])} |"
        for row in measured["smoke_by_size"]
    ]
    return [
        "### Boxes",
        "\n".join([_head("class", "sources", "pictures", "boxes", "AP at IoU 0.5", "AP at IoU 0.2"), *boxes]),
        "Real flame boxes are drawn loosely and incompletely by their source, and smoke has no sharp edge: IoU 0.5 is severe.",
        "### Real smoke by size of the drawn box (found: a box of the shipped threshold with IoU 0.2)",
        "\n".join([_head("longest side, px", "boxes", "found"), *sizes]),
        "### Pictures that get a box of the shipped threshold (for positives of fire: a box of flame)",
        _source_table(measured["pictures_with_a_box"]),
    ]


def _masks(measured: Row) -> list[str]:
    masks = [
        f"| {row['source']} | {row['pictures']} | {_figure(row.get('iou_all_pixels'))} "
        f"| {_figure(row.get('iou_mean_of_pictures'))} |"
        for row in measured["masks"]
        if row["pictures"]
    ]
    dry = [
        f"| {row['kind']} | {row['pictures']} | {_figure(row['share_of_pixels'])} |"
        for row in measured["dry_land_called_water"]
        if row["pictures"]
    ]
    return [
        "### Water masks",
        "\n".join([_head("source", "pictures", "IoU, all pixels", "IoU, mean of pictures"), *masks]),
        "### Pictures without water",
        "\n".join([_head("kind", "pictures", "share of pixels called water"), *dry]),
    ]


def _clips(rows: list[Row]) -> list[str]:
    if not rows:
        return []
    head = _head("clip", "score", "appears at frame", "alarmed frames before", "first alarm after", "share alarmed after")
    lines = [
        f"| {row['clip']} ({row['what']}) | {row['hazard']} | {_or_never(row['appears_at_frame'])} "
        f"| {row['false_alarm_frames_before']} of {row['frames_before']} "
        f"| {_or_never(row['first_alarm_at_frame'])} | {_or_none(row['alarmed_after'])} |"
        for row in rows
    ]
    return ["### Clips (single frames, before any confirmation over time; frames count from 0)", "\n".join([head, *lines])]


def _training_table(training: Row) -> str:
    head = _head("source", "pictures", "licence as stated")
    lines = [f"| {row['source']} | {row['pictures']} | {row['licence']} |" for row in training["data"]]
    runs: list[str] = []
    run: Any = training
    while isinstance(run, dict):
        recipe = run["recipe"]
        runs.insert(0, f"{run['steps_done']} steps, seed {recipe['seed']}")
        run = run["before"]
    return "\n".join([head, *lines]) + f"\n\nRuns, each from the one before, the first from {run}: {'; '.join(runs)}."


def _figure(interval: Row | None) -> str:
    if not interval or interval["value"] is None:
        return "-"
    value = f"{interval['value']:.3f}"
    return value if interval["low"] is None else f"{value} [{interval['low']:.3f}, {interval['high']:.3f}]"


def _or_never(frame: int | None) -> str:
    return "never" if frame is None else str(frame)


def _or_none(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
