"""Draws the pad's markers to scale, as SVG or PDF, for whoever prints and mounts them. Pure: configuration in, bytes out.

Both formats carry rectangles in millimetres, so that nothing is resampled on its way to the printer. A ruler of 100 mm tells
whether the printer has kept the scale.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from agent.config.landing import MarkerSection, PadMarkersSection
from agent.vision.pad_markers import dictionary_of

_QUIET_CELLS = 1.0
"""White around the outermost marker, in its own cells: without it the detector does not find the square."""
_FOOT_MM = 30.0
_RULER_MM = 100.0
_OVERLAP_MM = 0.02
"""White runs reach so far into each other that no hairline is printed between them."""
_PT_PER_MM = 72.0 / 25.4


@dataclass(frozen=True, slots=True)
class Rectangle:
    """In millimetres from the sheet's upper left corner; white or black."""

    left: float
    top: float
    width: float
    height: float
    white: bool


@dataclass(frozen=True, slots=True)
class Sheet:
    """What is drawn, in order, on a white sheet."""

    width_mm: float
    height_mm: float
    rectangles: tuple[Rectangle, ...]
    words: str
    words_at_mm: tuple[float, float]


def sheet_of(pad: PadMarkersSection) -> Sheet:
    """The whole print: the markers from the largest to the smallest, the ruler and the words at the foot."""
    family = dictionary_of(pad)
    cells = family.markerSize + 2
    edge_mm = 1000.0 * max(m.side_m * (0.5 + _QUIET_CELLS / cells) + max(abs(m.forward_m), abs(m.right_m)) for m in pad.markers)
    side_mm = 2.0 * edge_mm
    found: list[Rectangle] = []
    for marker in sorted(pad.markers, key=lambda m: -m.side_m):
        found += _squares(marker, edge_mm, cells, family)
    found.append(Rectangle(edge_mm - _RULER_MM / 2, side_mm + 8.0, _RULER_MM, 2.0, white=False))
    ids = ", ".join(f"{m.id}: {m.side_m * 1000:g} mm" for m in pad.markers)
    words = f"This edge points to the back of the pad. The bar is {_RULER_MM:g} mm long. {pad.dictionary}; {ids}"
    return Sheet(side_mm, side_mm + _FOOT_MM, tuple(found), words, (5.0, side_mm + 22.0))


def _squares(marker: MarkerSection, edge_mm: float, cells: int, family: cv2.aruco.Dictionary) -> list[Rectangle]:
    """A black square and the white runs of each of its rows."""
    side_mm = marker.side_m * 1000.0
    cell_mm = side_mm / cells
    left, top = edge_mm + marker.right_m * 1000.0 - side_mm / 2, edge_mm - marker.forward_m * 1000.0 - side_mm / 2
    found = [Rectangle(left, top, side_mm, side_mm, white=False)]
    picture = np.asarray(cv2.aruco.generateImageMarker(family, marker.id, cells)) > 0
    for row in range(cells):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], picture[row].astype(np.int8), [0]])))
        for first, last in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
            below = row + 1 < cells and picture[row + 1, first:last].any()
            height = cell_mm + (_OVERLAP_MM if below else 0.0)
            found.append(Rectangle(left + first * cell_mm, top + row * cell_mm, (last - first) * cell_mm, height, white=True))
    return found


def svg(sheet: Sheet) -> bytes:
    """As SVG; its units are millimetres."""
    size = f'width="{sheet.width_mm:.3f}mm" height="{sheet.height_mm:.3f}mm"'
    view = f'viewBox="0 0 {sheet.width_mm:.3f} {sheet.height_mm:.3f}"'
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" {size} {view}>', '<rect width="100%" height="100%" fill="white"/>']
    lines += [
        f'<rect x="{r.left:.3f}" y="{r.top:.3f}" width="{r.width:.3f}" height="{r.height:.3f}" '
        f'fill="{"white" if r.white else "black"}"/>'
        for r in sheet.rectangles
    ]
    x, y = sheet.words_at_mm
    lines += [f'<text x="{x:.1f}" y="{y:.1f}" font-family="sans-serif" font-size="5">{sheet.words}</text>', "</svg>", ""]
    return "\n".join(lines).encode()


def pdf(sheet: Sheet) -> bytes:
    """As PDF 1.4 with one page of the sheet's size (ISO 32000-1, 7.5 and 8.5)."""
    high = sheet.height_mm
    drawn = [f"{_PT_PER_MM:.6f} 0 0 {_PT_PER_MM:.6f} 0 0 cm"]
    drawn += [
        f"{int(r.white)} g {r.left:.3f} {high - r.top - r.height:.3f} {r.width:.3f} {r.height:.3f} re f"
        for r in sheet.rectangles
    ]
    x, y = sheet.words_at_mm
    drawn.append(f"0 g BT /F1 5 Tf {x:.1f} {high - y:.1f} Td ({sheet.words}) Tj ET")
    content = "\n".join(drawn).encode("ascii")
    box = f"{sheet.width_mm * _PT_PER_MM:.3f} {sheet.height_mm * _PT_PER_MM:.3f}"
    objects = (
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 {box}]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>".encode("ascii"),
        b"<</Length %d>>stream\n%s\nendstream" % (len(content), content),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    )
    out = bytearray(b"%PDF-1.4\n")
    places = []
    for number, body in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(out)
