"""Makes labelled pictures from random worlds seen from random poses.

Layout: ``images/*.jpg``; ``labels/*.txt`` (YOLO: class cx cy w h; 0 flame, 1 smoke); ``masks/*.png`` (255 = water on
normally dry land); ``masks_water/*.png`` (255 = any water); ``split.csv`` (file, label, split, group). A group is a world; no
world is in two splits.
"""

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np

from agent.core.geo import LocalFrame
from simulator.camera.labels import Box
from simulator.camera.optics import Optics, encode_jpeg
from simulator.camera.projection import Camera, Lens
from simulator.camera.rgb import Rendered, Renderer
from simulator.world.config import AirConfig, FireConfig, FloodConfig, LookalikesConfig, Place, SunConfig, WorldConfig
from simulator.world.scene import World

PICTURES_A_WORLD = 16
_CLASSES = {"flame": 0, "smoke": 1}
_FOLDERS = ("images", "labels", "masks", "masks_water")
_LEAST_FLOOD_SHARE = 0.004
_TRIES = 6


@dataclass(frozen=True)
class Row:
    """One line of ``split.csv``."""

    file: str
    label: str
    split: str
    group: str


def make_dataset(out: Path, count: int, seed: int, workers: int, lens: Lens) -> Iterator[Row]:
    """Writes pictures and yields their rows as they are done; ``split.csv`` appears when all are.

    Args:
        out: the folder, made if absent.
        count: number of pictures.
        seed: the same seed gives the same pictures, whatever the number of workers.
        workers: processes.
        lens: the camera's optics.
    """
    for folder in _FOLDERS:
        (out / folder).mkdir(parents=True, exist_ok=True)
    jobs = [
        (out, seed, number, min(PICTURES_A_WORLD, count - number * PICTURES_A_WORLD), lens)
        for number in range(math.ceil(count / PICTURES_A_WORLD))
    ]
    rows: list[Row] = []
    with get_context("spawn").Pool(workers) as pool:
        for part in pool.imap(_world_job, jobs):
            rows.extend(part)
            yield from part
    draft = out / "split.csv.part"
    with draft.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["file", "label", "split", "group"])
        table.writerows([row.file, row.label, row.split, row.group] for row in rows)
    draft.replace(out / "split.csv")


def _world_job(job: tuple[Path, int, int, int, Lens]) -> list[Row]:
    """All pictures of one world."""
    out, seed, number, count, lens = job
    cv2.setNumThreads(1)
    rng = np.random.default_rng([seed, number])
    base = World(_landscape(rng))
    split = ("train", "train", "train", "train", "train", "train", "train", "val", "test", "test")[number % 10]
    rows = []
    for picture in range(count):
        label, rendered, optics = _take(base, rng, lens, picture)
        name = f"sim_{seed}_{number:04d}_{picture:02d}"
        _write(out, name, rendered, optics, lens)
        rows.append(Row(f"{name}.jpg", label, split, f"sim_{seed}_{number:04d}"))
    return rows


def _landscape(rng: np.random.Generator) -> WorldConfig:
    """A random place under a random sun."""
    return WorldConfig(
        seed=int(rng.integers(2**31)),
        place=Place(lat_deg=30.39, lon_deg=119.84),
        size_m=float(rng.choice([1200.0, 1600.0])),
        texture_m=0.4,
        sun=SunConfig(azimuth_deg=float(rng.uniform(80, 280)), elevation_deg=float(rng.triangular(6, 40, 75))),
    )


def _take(base: World, rng: np.random.Generator, lens: Lens, picture: int) -> tuple[str, Rendered, Optics]:
    """One picture. Every second has fire, every fourth flood, the rest nothing; poses are tried until the hazard shows."""
    wanted = ("fire", "flood", "fire", "none")[picture % 4]
    for attempt in range(_TRIES):
        config, target, world_s = _situation(base, rng, wanted)
        world = base.variant(config)
        camera = _pose(world, rng, target, lens)
        optics = Optics(
            exposure=float(rng.uniform(0.78, 1.25)),
            contrast=float(rng.uniform(0.85, 1.2)),
            noise=float(rng.uniform(0.5, 6.0)),
            sharpness_px=float(max(0.0, rng.normal(0.35, 0.45))),
            vignette=float(rng.uniform(0.0, 0.35)),
            jpeg_quality=int(rng.integers(60, 95)),
        )
        swing = (float(rng.normal(0, 6)), float(rng.normal(0, 4))) if rng.random() < 0.15 else (0.0, 0.0)
        rendered = Renderer(world, optics).render(camera, world_s, int(rng.integers(2**31)), swing)
        label = _label(rendered)
        if label == wanted or attempt == _TRIES - 1:
            return label, rendered, optics
    raise AssertionError("unreachable: the last attempt is always taken")


def _situation(base: World, rng: np.random.Generator, wanted: str) -> tuple[WorldConfig, tuple[float, float], float]:
    """The world's configuration with the hazard, a place worth looking at (east, north), and the moment."""
    size = base.config.size_m
    air = AirConfig(
        wind_from_deg=float(rng.uniform(0, 360)),
        wind_m_s=float(rng.uniform(0.5, 10.0)),
        visibility_m=float(10 ** rng.uniform(3.3, 4.6)),
        cloud_cover=float(rng.uniform(0, 1)),
    )
    place = (float(rng.uniform(-0.32, 0.42) * size), float(rng.uniform(-0.42, 0.42) * size))
    fires: tuple[FireConfig, ...] = ()
    flood = None
    if wanted == "fire":
        fires = (_random_fire(base.frame, rng, place),)
    if wanted == "flood":
        flood = FloodConfig(rise_m_per_min=1.0, max_rise_m=float(rng.triangular(0.35, 0.8, 2.6)))
        north = float(rng.uniform(-0.4, 0.4) * size)
        place = (base.river_east_m(north) + float(rng.normal(0, 110)), north)
    elif rng.random() < 0.35 and wanted == "none":
        north = float(rng.uniform(-0.4, 0.4) * size)
        place = (base.river_east_m(north), north)
    looks = LookalikesConfig(cars=int(rng.integers(0, 40)), mist=float(rng.choice([0.0, 0.0, rng.uniform(0.2, 1.0)])))
    config = base.config.model_copy(update={"air": air, "fires": fires, "flood": flood, "lookalikes": looks})
    return config, place, float(10 ** rng.uniform(1.2, 2.75)) if wanted == "fire" else 600.0


def _random_fire(frame: LocalFrame, rng: np.random.Generator, place: tuple[float, float]) -> FireConfig:
    where = frame.to_latlon(place[1], place[0])
    return FireConfig(
        lat_deg=where.lat_deg,
        lon_deg=where.lon_deg,
        ignition_s=float(rng.uniform(-60, 5)),
        growth=float(rng.uniform(0.5, 2.0)),
        reach_m=160.0,
        smoke=float(rng.uniform(0.4, 1.8)),
        smoke_tone=float(rng.choice([rng.uniform(0.6, 1.0), rng.uniform(0.15, 0.6)], p=[0.75, 0.25])),
        flame=float(rng.choice([0.0, rng.uniform(0.4, 1.8)], p=[0.15, 0.85])),
    )


def _pose(world: World, rng: np.random.Generator, target: tuple[float, float], lens: Lens) -> Camera:
    """A camera 30 to 150 m over the ground that has the target somewhere in its picture."""
    pitch = -float(rng.triangular(10, 25, 90))
    agl = float(rng.uniform(30, 150))
    away = min(agl / math.tan(math.radians(min(88.0, max(6.0, -pitch + rng.normal(0, 7))))), 900.0)
    yaw = float(rng.uniform(0, 360))
    aim = math.radians(yaw + float(rng.normal(0, 12)))
    east, north = target[0] - away * math.sin(aim), target[1] - away * math.cos(aim)
    return Camera.aimed(lens, (east, north, world.ground_amsl_m(east, north) + agl), yaw, pitch, float(rng.normal(0, 1.5)))


def _label(rendered: Rendered) -> str:
    if rendered.boxes:
        return "fire"
    if (
        rendered.masks is not None
        and float(np.count_nonzero(rendered.masks.flood)) > _LEAST_FLOOD_SHARE * rendered.masks.flood.size
    ):
        return "flood"
    return "none"


def _write(out: Path, name: str, rendered: Rendered, optics: Optics, lens: Lens) -> None:
    (out / "images" / f"{name}.jpg").write_bytes(encode_jpeg(rendered.picture, optics.jpeg_quality))
    (out / "labels" / f"{name}.txt").write_text("".join(_yolo(box, lens) for box in rendered.boxes), encoding="ascii")
    empty = np.zeros((lens.height_px, lens.width_px), np.uint8)
    flood, water = (rendered.masks.flood, rendered.masks.water) if rendered.masks else (empty, empty)
    cv2.imwrite(str(out / "masks" / f"{name}.png"), flood)
    cv2.imwrite(str(out / "masks_water" / f"{name}.png"), water)


def _yolo(box: Box, lens: Lens) -> str:
    x_0, y_0, x_1, y_1 = box.box_px
    numbers = (
        (x_0 + x_1) / 2 / lens.width_px,
        (y_0 + y_1) / 2 / lens.height_px,
        (x_1 - x_0) / lens.width_px,
        (y_1 - y_0) / lens.height_px,
    )
    return f"{_CLASSES[box.kind]} " + " ".join(f"{number:.6f}" for number in numbers) + "\n"
