"""Pictures as they come from strangers: each is read right or refused with a code."""

import base64
from pathlib import Path

import cv2
import numpy as np
import pytest

from agent.vision.pictures import PictureError, decode_picture, natural_key, read_picture

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
        (coded(".png", picture()[:4, :4]), "vision.picture_unreadable"),
    ],
)
def test_a_bad_picture_is_refused_with_its_code_and_its_name(data, code):
    with pytest.raises(PictureError) as caught:
        decode_picture(data, "somewhere/x.jpg")
    assert caught.value.code == code
    assert "somewhere/x.jpg" in caught.value.message


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
