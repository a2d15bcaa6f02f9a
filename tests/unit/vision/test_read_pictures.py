"""Pictures as they come from strangers: each is read right or refused with a code."""

import base64
import contextlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from agent.vision.frame import Frame
from agent.vision.perception import Perception
from agent.vision.picture_header import stated_size
from agent.vision.pictures import LIVE_PIXELS_MAX, PictureError, decode_picture, natural_key, read_picture
from agent.vision.runtime import Network
from tests.doubles.tiny_model import write_model_folder

# 16 x 16 pixels of orange-red, saved as CMYK with Adobe's inverted values.
CMYK_JPEG = base64.b64decode(
    "/9j/7gAOQWRvYmUAZAAAAAAA/9sAQwAQCwwODAoQDg0OEhEQExgoGhgWFhgxIyUdKDozPTw5Mzg3QEhcTkBEV0U3OFBtUVdfYmdoZz5NcXlwZHhcZWdj/8AAFAgA"
    "EAAQBEMRAE0RAFkRAEsRAP/EAB8AAAEFAQEBAQEBAAAAAAAAAAABAgMEBQYHCAkKC//EALUQAAIBAwMCBAMFBQQEAAABfQECAwAEEQUSITFBBhNRYQcicRQygZGh"
    "CCNCscEVUtHwJDNicoIJChYXGBkaJSYnKCkqNDU2Nzg5OkNERUZHSElKU1RVVldYWVpjZGVmZ2hpanN0dXZ3eHl6g4SFhoeIiYqSk5SVlpeYmZqio6Slpqeoqaqy"
    "s7S1tre4ubrCw8TFxsfIycrS09TV1tfY2drh4uPk5ebn6Onq8fLz9PX29/j5+v/aAA4EQwBNAFkASwAAPwDuK46uJr0Ciiiiiiiiiiiiv//Z"
)
# APP1 with an Exif header (big endian) and one entry: orientation 6, turn by 90 degrees clockwise to see it upright.
EXIF_TURNED = bytes.fromhex("ffe100224578696600004d4d002a00000008000101120003000000010006000000000000")


def picture() -> np.ndarray:
    pixels = np.zeros((40, 60, 3), dtype=np.uint8)
    pixels[:, :30] = (0, 0, 255)
    return pixels


def coded(suffix: str, pixels: np.ndarray | None = None) -> bytes:
    return cv2.imencode(suffix, picture() if pixels is None else pixels)[1].tobytes()


@pytest.mark.parametrize(
    "pixels",
    [
        cv2.cvtColor(picture(), cv2.COLOR_BGR2GRAY),
        cv2.cvtColor(picture(), cv2.COLOR_BGR2BGRA),
        picture().astype(np.uint16) * 257,
    ],
    ids=["grey", "alpha", "16 bit"],
)
def test_every_kind_of_picture_becomes_three_channels_of_eight_bits(pixels):
    read = decode_picture(coded(".png", pixels), "x.png")
    assert read.shape == (40, 60, 3)
    assert read.dtype == np.uint8


def test_cmyk_keeps_its_colour():
    blue, green, red = decode_picture(CMYK_JPEG, "x.jpg")[8, 8]
    assert red > 200
    assert max(int(blue), int(green)) < 60


def test_a_picture_turned_by_exif_is_seen_upright():
    data = coded(".jpg")
    turned = decode_picture(data[:2] + EXIF_TURNED + data[2:], "x.jpg")
    assert turned.shape[:2] == (60, 40)
    assert turned[5, 20, 2] > 200  # the red half was on the left and is now on top


JPEG, PNG = coded(".jpg"), coded(".png")
HUGE_PNG = PNG[:16] + (100_000).to_bytes(4, "big") * 2 + PNG[24:]
SOF = JPEG.find(b"\xff\xc0")
HUGE_JPEG = JPEG[: SOF + 5] + b"\xff\xff\xff\xff" + JPEG[SOF + 9 :]

BMP, WEBP, TIFF = coded(".bmp"), coded(".webp"), coded(".tif")
HUGE_BMP = BMP[:18] + (100_000).to_bytes(4, "little") * 2 + BMP[26:]
# Of the extended kind: 24 bits each of width and height, less one.
HUGE_WEBP = b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0" + bytes(4) + b"\xff\xff\x01" * 2
# One directory with two entries: width and height as 32-bit numbers.
HUGE_TIFF = b"II*\0\x08\0\0\0\x02\0" + b"".join(tag + b"\x01\x04\0\x01\0\0\0\xa0\x86\x01\0" for tag in (b"\0", b"\x01"))


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "vision.picture_unreadable"),
        (b"no picture", "vision.picture_unreadable"),
        (b"\xff\xd8", "vision.picture_unreadable"),
        (JPEG[: len(JPEG) // 2], "vision.picture_unreadable"),
        (JPEG[:-2], "vision.picture_unreadable"),
        (PNG[: len(PNG) // 2], "vision.picture_unreadable"),
        (HUGE_PNG, "vision.picture_too_large"),
        (HUGE_JPEG, "vision.picture_too_large"),
        (HUGE_BMP, "vision.picture_too_large"),
        (HUGE_WEBP, "vision.picture_too_large"),
        (HUGE_TIFF, "vision.picture_too_large"),
        (b"P6\n20 20\n255\n" + bytes(1200), "vision.picture_unreadable"),
        (coded(".png", picture()[:4, :4]), "vision.picture_unreadable"),
    ],
)
def test_a_bad_picture_is_refused_with_its_code_and_its_name(data, code):
    with pytest.raises(PictureError) as caught:
        decode_picture(data, "somewhere/x.jpg")
    assert caught.value.code == code
    assert "somewhere/x.jpg" in caught.value.message


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".bmp"])
def test_the_header_states_what_is_decoded(suffix):
    assert stated_size(coded(suffix)) == (60, 40)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".bmp"])
def test_any_damage_gives_a_picture_or_a_refusal(suffix):
    whole, rng = coded(suffix), np.random.default_rng(23)
    for _ in range(150):
        spoilt = bytearray(whole[: rng.integers(1, len(whole) + 1)])
        for at in rng.integers(0, len(spoilt), 3):
            spoilt[at] = rng.integers(0, 256)
        # Any other exception than the refusal fails the test.
        with contextlib.suppress(PictureError):
            assert decode_picture(bytes(spoilt), "x", 1_000_000).shape[2] == 3


def test_a_hundred_million_pixels_are_looked_at_and_more_are_not(tmp_path):
    huge = cv2.imencode(".jpg", np.full((10_000, 10_000), 90, np.uint8))[1].tobytes()
    (tmp_path / "huge.jpg").write_bytes(huge)
    network = Network(write_model_folder(tmp_path / "tiny"))
    assert Perception([network], "never").look(Frame(read_picture(tmp_path / "huge.jpg"), "x", 0)).alarms == ()
    with pytest.raises(PictureError, match="34 million"):
        decode_picture(huge, "x", LIVE_PIXELS_MAX)


def test_bytes_after_the_end_do_no_harm():
    assert decode_picture(JPEG + bytes(9000), "x.jpg").shape == (40, 60, 3)


def test_a_thumbnail_does_not_hide_that_the_picture_is_cut_off():
    thumbnail = b"\xff\xe1" + (len(JPEG) + 2).to_bytes(2, "big") + JPEG
    with pytest.raises(PictureError):
        decode_picture(JPEG[:2] + thumbnail + JPEG[2:-20], "x.jpg")


def test_every_cut_of_a_jpeg_is_refused_or_whole():
    for size in range(len(JPEG)):
        with pytest.raises(PictureError):
            decode_picture(JPEG[:size], "x.jpg")


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(PictureError, match=r"gone\.jpg"):
        read_picture(tmp_path / "gone.jpg")


def test_frame_2_comes_before_frame_10():
    names = [Path(n) for n in ("frame10.jpg", "frame2.jpg", "a/frame1.jpg", "Frame3.jpg")]
    assert sorted(names, key=natural_key) == [Path(n) for n in ("a/frame1.jpg", "frame2.jpg", "Frame3.jpg", "frame10.jpg")]
