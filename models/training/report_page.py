"""Writes the report of an evaluation as one HTML page: tables, precision-recall curves, calibration and the worst errors.

The page holds thumbnails of labelled pictures, whose rights are others': it is for the engineer's eyes and in no repository.
Everything is inline (SVG, small JPEGs), so the page is one file.
"""

import base64
import html
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from agent.vision.pictures import read_picture
from models.training.figures import HAZARDS, QUESTIONS, Question, Result, truth_of
from models.training.metrics import Array
from models.training.report import markdown_tables

_SIDE = 260
_WORST = 12
_STYLE = """
body { font: 14px/1.5 system-ui, sans-serif; max-width: 1100px; margin: 2em auto; padding: 0 1em; color: #222 }
table { border-collapse: collapse; margin: 1em 0; font-variant-numeric: tabular-nums }
td, th { border: 1px solid #ccc; padding: .2em .6em; text-align: left }
figure { display: inline-block; margin: 0 1em 1em 0; vertical-align: top; width: 260px }
figcaption { font-size: 12px; overflow-wrap: anywhere }
svg { background: #fafafa; border: 1px solid #ccc }
img { max-width: 100% }
"""


def write_page(path: Path, measured: dict[str, Any], results: Sequence[Result]) -> None:
    """Writes the page for the figures and results of one evaluation."""
    model = measured["model"]
    title = f"{model} {measured['version']} on {measured['split']}"
    parts = [f"<h1>{html.escape(title)}</h1><p>Model file {measured['sha256']}</p>", *_tables(measured)]
    parts.append("<h2>Precision over recall, and calibration</h2>")
    parts += [_curves(question, results) for question in QUESTIONS[model]]
    for hazard in HAZARDS[model]:
        parts += _worst(hazard, results)
    body = "\n".join(parts)
    page = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>'
    path.write_text(f"{page}<style>{_STYLE}</style><body>{body}</body></html>\n", encoding="utf-8")


def _tables(measured: dict[str, Any]) -> Iterator[str]:
    """The card's tables as HTML."""
    for block in markdown_tables(measured):
        if block.startswith("#"):
            yield f"<h2>{html.escape(block.lstrip('# '))}</h2>"
        elif block.startswith("|"):
            head, _, *rows = block.splitlines()
            yield "<table>" + _row(head, "th") + "".join(_row(row, "td") for row in rows) + "</table>"
        else:
            yield f"<p>{html.escape(block)}</p>"


def _row(line: str, cell: str) -> str:
    return "<tr>" + "".join(f"<{cell}>{html.escape(word.strip())}</{cell}>" for word in line.strip("| ").split(" | ")) + "</tr>"


def _curves(question: Question, results: Sequence[Result]) -> str:
    rows = [row for row in results if row.sample.source.name in question.sources]
    known = [row for row in rows if truth_of(row.sample, question.hazard) is not None]
    labels = np.array([truth_of(row.sample, question.hazard) for row in known], np.float64)
    if not 0 < labels.sum() < len(labels):
        return ""
    scores = np.array([row.scores[question.hazard] for row in known])
    return (
        f"<figure>{_square(_line(*precision_over_recall(scores, labels)))}<figcaption>{html.escape(question.title)} "
        f"({question.hazard}): precision over recall</figcaption></figure>"
        f"<figure>{_square(_dots(*reliability(scores, labels)))}<figcaption>share of positives over the score, "
        "in tenths</figcaption></figure>"
    )


def precision_over_recall(scores: Array, labels: Array) -> tuple[Array, Array]:
    """Recalls and precisions at every threshold, the highest first."""
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(labels[order])
    return hits / labels.sum(), hits / np.arange(1, len(labels) + 1)


def reliability(scores: Array, labels: Array, bins: int = 10) -> tuple[Array, Array, Array]:
    """Mean score, share of positives and share of pictures of every tenth that has pictures."""
    index = np.minimum((scores * bins).astype(int), bins - 1)
    full = [b for b in range(bins) if (index == b).any()]
    means, shares = (np.array([float(values[index == b].mean()) for b in full]) for values in (scores, labels))
    return means, shares, np.array([float((index == b).mean()) for b in full])


def _square(inside: str) -> str:
    axes = f'<path d="M0 0V100H100" {_stroke("#888")}/>'
    return f'<svg viewBox="-5 -5 110 110" width="{_SIDE}" height="{_SIDE}">{axes}{inside}</svg>'


def _line(x: Array, y: Array) -> str:
    points = " ".join(f"{100 * a:.1f},{100 - 100 * b:.1f}" for a, b in zip(x, y, strict=True))
    return f'<polyline points="{points}" {_stroke("#06c")}/>'


def _dots(x: Array, y: Array, size: Array) -> str:
    dots = "".join(
        f'<circle cx="{100 * a:.1f}" cy="{100 - 100 * b:.1f}" r="{1.5 + 6 * np.sqrt(c):.1f}" fill="#06c" fill-opacity=".6"/>'
        for a, b, c in zip(x, y, size, strict=True)
    )
    return f'<path d="M0 100L100 0" {_stroke("#bbb")}/>{dots}'


def _stroke(colour: str) -> str:
    return f'fill="none" stroke="{colour}" stroke-width="1"'


def _worst(hazard: str, results: Sequence[Result]) -> Iterator[str]:
    """Contact sheets of the surest false alarms and of the least sure misses."""
    for wanted, words, sign in ((0.0, "Highest scores without it", -1.0), (1.0, "Lowest scores with it", 1.0)):
        rows = [row for row in results if truth_of(row.sample, hazard) == wanted]
        rows = sorted(rows, key=lambda row: sign * row.scores[hazard])[:_WORST]
        yield f"<h2>{words}: {hazard}</h2>"
        for row in rows:
            name = html.escape(f"{row.sample.source.name} {row.sample.file}: {row.scores[hazard]:.2f}")
            yield f'<figure><img src="data:image/jpeg;base64,{_thumbnail(row)}" alt=""><figcaption>{name}</figcaption></figure>'


def _thumbnail(row: Result) -> str:
    """The picture with the labeller's boxes (green) and the surest found (magenta), as a small JPEG in base 64."""
    picture = np.array(read_picture(row.sample.path))
    size = np.array([row.width_px, row.height_px] * 2)
    thick = max(1, row.width_px // 250)
    drawn = [(box[1:] * size, (0, 200, 0)) for box in row.sample.boxes]
    found = [(np.array(box.box_px), (255, 0, 255)) for box in sorted(row.boxes, key=lambda box: -box.confidence)[:3]]
    for box, colour in [*drawn, *found]:
        x0, y0, x1, y1 = (int(value) for value in box)
        cv2.rectangle(picture, (x0, y0), (x1, y1), colour, thick)
    shrink = _SIDE / max(row.width_px, row.height_px)
    small = cv2.resize(picture, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    _, coded = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 75])
    return base64.b64encode(coded.tobytes()).decode()
