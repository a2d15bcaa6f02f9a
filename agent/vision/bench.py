"""How fast, and how large: each stage measured on frames of the flight's size.

Stages are measured on the same code that looks at frames in flight. Peak memory is the process's own, as the kernel counts it.
"""

import json
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from agent.vision.frame import Frame, Pixels
from agent.vision.inputs import files_of, frames_of
from agent.vision.perception import Perception
from agent.vision.pictures import decode_picture
from agent.vision.preprocess import Placement, prepare
from agent.vision.runtime import Network

WIDTH_PX, HEIGHT_PX = 1280, 720
_WARM_UP, _ROUNDS = 2, 25


def bench_lines(networks: Sequence[Network], paths: Sequence[Path], rounds: int = _ROUNDS) -> Iterator[str]:
    """Rows of a table: stage, milliseconds p50 and p95, frames a second; then peak memory. JSON last, for programs."""
    pictures = pictures_of(paths)
    rows = measure(networks, pictures, rounds)
    yield f"{'stage':<28}{'p50 ms':>9}{'p95 ms':>9}{'1/s':>8}{'CPU ms':>9}"
    for name, times in rows.items():
        p50, p95 = np.percentile(times.wall_ms, [50, 95])
        yield f"{name:<28}{p50:9.1f}{p95:9.1f}{1000 / p50:8.1f}{np.median(times.cpu_ms):9.1f}"
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    yield f"peak memory {peak_mb:.0f} MiB, frames of {WIDTH_PX} x {HEIGHT_PX}"
    walls = {name: round(float(np.median(times.wall_ms)), 2) for name, times in rows.items()}
    cpus = {name: round(float(np.median(times.cpu_ms)), 2) for name, times in rows.items()}
    yield json.dumps({"p50_ms": walls, "p50_cpu_ms": cpus, "peak_mib": round(peak_mb)})


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds of each round: by the clock, and of the processor alone, which other programs do not lengthen."""

    wall_ms: list[float]
    cpu_ms: list[float]


def measure(networks: Sequence[Network], pictures: Sequence[Pixels], rounds: int) -> dict[str, Times]:
    """The times of each stage."""
    jpegs = [cv2.imencode(".jpg", p, [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes() for p in pictures]
    rows = {"decode JPEG": _timed(rounds, lambda i: decode_picture(jpegs[i % len(jpegs)], "bench"))}
    for network in networks:
        name, spec = network.manifest.name, network.manifest.input
        ready = [prepare(spec, p) for p in pictures]
        raw = [network.infer(tensor) for tensor, _ in ready]
        tensors = [tensor for tensor, _ in ready]
        answers = list(zip(raw, (placement for _, placement in ready), strict=True))
        rows[f"{name}: pre-process"] = _timed(rounds, _each(pictures, partial(prepare, spec)))
        rows[f"{name}: inference"] = _timed(rounds, _each(tensors, network.infer))
        rows[f"{name}: post-process"] = _timed(rounds, _each(answers, partial(_interpret, network)))
    frames = [Frame(p, "bench", i) for i, p in enumerate(pictures)]
    for words, perception in (
        ("whole frame", Perception(networks, "never")),
        ("whole and tiles in turn", Perception(networks, "rotate")),
        ("whole and all tiles", Perception(networks, "always")),
    ):
        rows[words] = _timed(rounds, _each(frames, perception.look))
    return rows


def _interpret(network: Network, answer: tuple[dict[str, NDArray[np.floating]], Placement]) -> object:
    return network.interpret(*answer)


def _each(items: Sequence[Any], work: Callable[[Any], object]) -> Callable[[int], object]:
    return lambda index: work(items[index % len(items)])


def _timed(rounds: int, work: Callable[[int], object]) -> Times:
    out = Times([], [])
    for index in range(_WARM_UP + rounds):
        wall_s, cpu_s = time.perf_counter(), time.process_time()
        work(index)
        if index >= _WARM_UP:
            out.wall_ms.append((time.perf_counter() - wall_s) * 1000.0)
            out.cpu_ms.append((time.process_time() - cpu_s) * 1000.0)
    return out


def pictures_of(paths: Sequence[Path]) -> list[Pixels]:
    """Up to eight pictures at the flight's size; noise without any."""
    out: list[Pixels] = []
    for path in files_of(paths, lambda _: None):
        for frame in frames_of(path, lambda _: None):
            out.append(np.asarray(cv2.resize(frame.pixels, (WIDTH_PX, HEIGHT_PX)), dtype=np.uint8))
            break
        if len(out) == 8:
            return out
    rng = np.random.default_rng(0)
    return out or [rng.integers(0, 256, (HEIGHT_PX, WIDTH_PX, 3), dtype=np.uint8) for _ in range(4)]
