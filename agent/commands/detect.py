"""``nest-agent detect PATH...``: the flight's own eyes on pictures, folders and videos.

One JSON line a frame on standard output, one line a fault on standard error. Exit status 0: all was looked at; 1: something
could not be read; 2: there was nothing to look at, or a model is not in order.
"""

import json
import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from agent.core.errors import ConfigError

EXIT_SOME_FAILED = 1


class Tiles(StrEnum):
    """How frames larger than a network's input are looked at."""

    NEVER = "never"
    ROTATE = "rotate"
    ALWAYS = "always"


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("detect")(detect)


def detect(
    paths: Annotated[list[Path] | None, typer.Argument(help="Pictures, folders, videos.", show_default=False)] = None,
    models: Annotated[
        list[Path] | None, typer.Option("--models", help="Model folder; may be repeated. Default: the shipped models.")
    ] = None,
    masks: Annotated[
        Path | None, typer.Option(help="Folder for water masks: PNG of the picture's size, 255 is water, same file stem.")
    ] = None,
    annotate: Annotated[Path | None, typer.Option(help="Folder for the pictures with boxes and water drawn.")] = None,
    tiles: Annotated[
        Tiles, typer.Option(help="Look at large frames whole, whole and some tiles, or all tiles.")
    ] = Tiles.ALWAYS,
    threads: Annotated[int, typer.Option(min=1, max=16, help="Threads of the inference runtime.")] = 2,
    bench: Annotated[bool, typer.Option(help="Measure speed and memory on these frames, or on noise without any.")] = False,
) -> None:
    """Looks for fire, smoke and flood; prints one JSON line a frame with source, frame, scores, detections and alarms."""
    import cv2

    from agent.vision.perception import Perception, load_networks
    from agent.vision.report_lines import Looker

    quiet_decoders()
    cv2.setNumThreads(threads)
    if not paths and not bench:
        raise ConfigError("vision.no_input", "name pictures, folders or videos; nest-agent detect --help")
    networks = load_networks(models or (), threads)
    if bench:
        from agent.vision.bench import bench_lines

        for row in bench_lines(networks, paths or []):
            print(row)
        return
    looker = Looker(Perception(networks, tiles.value), masks, annotate, lambda words: print(words, file=sys.stderr, flush=True))
    try:
        for line in looker.lines(paths or []):
            print(json.dumps(line), flush=True)
    except BrokenPipeError:
        # Whoever read has seen enough. Python would complain when it flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(0) from None
    if looker.files == 0:
        raise ConfigError("vision.no_input", "no pictures or videos there")
    raise typer.Exit(EXIT_SOME_FAILED if looker.faults else 0)


def quiet_decoders() -> None:
    """Our own words about a damaged file are enough: what libjpeg, libpng and FFmpeg write to descriptor 2 goes nowhere.

    Python's standard error stays where it is.
    """
    import cv2
    import structlog

    sys.stderr.flush()
    sys.stderr = os.fdopen(os.dup(2), "w", encoding="utf-8", errors="backslashreplace", buffering=1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(30), logger_factory=structlog.PrintLoggerFactory(sys.stderr)
    )
