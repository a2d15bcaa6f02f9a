"""The print has the true size, and what is printed is what the detector finds."""

import re
import xml.etree.ElementTree as ET

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from agent.__main__ import build
from agent.config.landing import MarkerSection, PadMarkersSection
from agent.core.errors import ConfigError
from agent.vision.pad_markers import MarkerFinder
from agent.vision.pad_print import pdf, sheet_of, svg

USUAL = PadMarkersSection()
OTHER = PadMarkersSection(
    dictionary="apriltag_36h11",
    markers=(MarkerSection(id=3, side_m=0.4, forward_m=0.1, right_m=-0.05), MarkerSection(id=9, side_m=0.1, forward_m=-0.25)),
)
RECTANGLE = re.compile(rb"^([01]) g (\S+) (\S+) (\S+) (\S+) re f$", re.MULTILINE)


def drawn_svg(data: bytes, px_per_mm: float) -> np.ndarray:
    root = ET.fromstring(data)  # noqa: S314 our own file
    width, height = (float(root.attrib[key].removesuffix("mm")) for key in ("width", "height"))
    picture = np.full((round(height * px_per_mm), round(width * px_per_mm)), 255, np.uint8)
    for r in root.iter("{http://www.w3.org/2000/svg}rect"):
        if "x" in r.attrib:
            left, top, wide, high = (float(r.attrib[key]) * px_per_mm for key in ("x", "y", "width", "height"))
            grey = 255 if r.attrib["fill"] == "white" else 0
            picture[round(top) : round(top + high), round(left) : round(left + wide)] = grey
    return picture


@pytest.mark.parametrize("pad", [USUAL, OTHER])
def test_what_is_printed_is_found_with_its_true_size_and_place(pad):
    px_per_mm = 2.0
    picture = drawn_svg(svg(sheet_of(pad)), px_per_mm)
    found = MarkerFinder(pad).find(cv2.GaussianBlur(picture, (0, 0), 1.0))
    assert set(found) == {marker.id for marker in pad.markers}
    middle = sheet_of(pad).width_mm / 2
    for marker in pad.markers:
        corners_mm = found[marker.id] / px_per_mm
        assert np.linalg.norm(corners_mm[1] - corners_mm[0]) == pytest.approx(marker.side_m * 1000, abs=1.0)
        centre = corners_mm.mean(axis=0) - middle
        assert centre == pytest.approx((marker.right_m * 1000, -marker.forward_m * 1000), abs=1.0)
        assert corners_mm[0][1] < corners_mm[3][1], "the print's top is forward"


def test_the_pdf_carries_the_same_rectangles_upside_down_and_can_be_read():
    sheet = sheet_of(USUAL)
    data = pdf(sheet)
    rows = [tuple(map(float, row)) for row in RECTANGLE.findall(data)]
    assert len(rows) == len(sheet.rectangles)
    for row, r in zip(rows, sheet.rectangles, strict=True):
        assert row == pytest.approx((float(r.white), r.left, sheet.height_mm - r.top - r.height, r.width, r.height), abs=1e-3)
    box = re.search(rb"MediaBox\[0 0 (\S+) (\S+)\]", data)
    assert box is not None
    assert float(box[1]) / 72 * 25.4 == pytest.approx(sheet.width_mm, abs=1e-3)
    start = int(data.rsplit(b"startxref\n", 1)[1].split(b"\n", 1)[0])
    assert data[start : start + 4] == b"xref"
    for number, place in enumerate(re.findall(rb"^(\d{10}) 00000 n", data, re.MULTILINE), start=1):
        assert data[int(place) :].startswith(b"%d 0 obj" % number)


def test_the_command_writes_it_and_refuses_another_kind_of_file(tmp_path):
    out = tmp_path / "pad.pdf"
    told = CliRunner().invoke(build(), ["pad-marker", str(out)])
    assert told.exit_code == 0
    assert out.read_bytes().startswith(b"%PDF-1.4")
    assert "960 x 990 mm" in told.output
    refused = CliRunner().invoke(build(), ["pad-marker", str(tmp_path / "pad.png")])
    assert isinstance(refused.exception, ConfigError)
    assert ".pdf or .svg" in refused.exception.message
