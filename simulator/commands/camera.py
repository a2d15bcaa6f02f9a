"""``nest-sim camera``: the drone's camera as a network camera."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import cv2
import typer

from agent.core.clock import Clock, TimeBase
from agent.core.errors import ConfigError
from simulator.camera.down import DownSource, DownView
from simulator.camera.frames import ClipSource, FrameSource, RenderedSource
from simulator.camera.pad import PadPrint
from simulator.camera.pose import PoseTrack
from simulator.camera.rgb import Renderer
from simulator.camera.service import TruthLog, run_capture
from simulator.camera.stream import Channel, StreamServer
from simulator.camera.telemetry import VehicleListener
from simulator.camera.thermal import ThermalRenderer, ThermalSource
from simulator.commands.dataset import parse_lens
from simulator.world.config import load_world
from simulator.world.scene import World
from simulator.world.truth import truth


def register(app: typer.Typer) -> None:
    """Adds the command."""

    @app.command()
    def camera(
        *,
        world: Path | None = typer.Option(None, help="World file, or a scenario file with a world: section."),
        vehicle: str = typer.Option("udpin:127.0.0.1:14560", help="Where the vehicle's MAVLink arrives."),
        http: str = typer.Option("127.0.0.1:8090", help="Where to serve the stream."),
        time_base: str = typer.Option("", help="RATE@UNIX_EPOCH of the accelerated clock; its epoch is the world's second 0."),
        fps: float = typer.Option(0.0, min=0.0, max=120.0, help="Pictures a second of product time; 0: 5, or the clip's own."),
        down_fps: float = typer.Option(15.0, min=0.0, max=60.0, help="Pictures a second of the camera looking down; 0: none."),
        thermal_fps: float = typer.Option(2.0, min=0.0, max=30.0, help="Pictures a second of the thermal camera; 0: none."),
        size: str = typer.Option("1280x720", help="Width x height in pixels; both divisible by 16."),
        hfov_deg: float = typer.Option(60.0, min=20.0, max=110.0, help="Horizontal field of view."),
        truth_dir: Path | None = typer.Option(None, "--truth", help="Folder for the truth about each picture."),
        play: Path | None = typer.Option(None, help="Plays a real video or a folder of pictures instead."),
        once: bool = typer.Option(False, help="Ends after the clip instead of looping."),
    ) -> None:
        """Streams what the drone's camera sees (Motion JPEG over HTTP)."""
        base = TimeBase.parse(time_base) if time_base else TimeBase(1.0, time.time())
        channel, down, thermal, stop = Channel(), Channel(), Channel(), threading.Event()
        facts: dict[str, Callable[[], object]] = {}
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        with ExitStack() as stack:
            server = _serve(http, channel, {"down": down, "thermal": thermal}, facts)
            stack.callback(server.close)
            print(f"camera: http://{http.rpartition(':')[0]}:{server.port}/stream.mjpg", flush=True)
            clock = Clock(base)
            log = None
            source: FrameSource
            if play is not None:
                source = clip = ClipSource(play, clock, loop=not once)
                rate = fps or clip.fps or 5.0
            elif world is not None:
                place = World(load_world(world))
                track, body = PoseTrack(), PoseTrack()
                listener = VehicleListener(vehicle, place.frame, clock, track, body=body)
                listener.start()
                stack.callback(listener.close)
                facts["pose_age_s"] = lambda: None if track.newest_s is None else round(clock.unix_s() - track.newest_s, 3)
                cv2.setNumThreads(1)
                source = RenderedSource(Renderer(place), parse_lens(size, hfov_deg), track, clock, base.unix_epoch_s)
                rate = fps or 5.0
                if down_fps > 0.0:
                    pad_alt_m = place.config.nest_alt_amsl_m
                    looks_down = DownSource(DownView(PadPrint(), pad_alt_m), body, clock, pad_alt_m)
                    stack.enter_context(_beside(looks_down, down, 1.0 / down_fps, base, stop))
                if thermal_fps > 0.0:
                    heat = ThermalSource(ThermalRenderer(place), track, clock, base.unix_epoch_s)
                    stack.enter_context(_beside(heat, thermal, 1.0 / thermal_fps, base, stop))
                log = stack.enter_context(TruthLog(truth_dir, lambda s: _hazards(place, s))) if truth_dir else None
            else:
                raise ConfigError("config.invalid", "camera: give --world FILE or --play PATH")
            run_capture(source, channel, 1.0 / rate, base, stop, log)


@contextmanager
def _beside(source: FrameSource, channel: Channel, period_s: float, base: TimeBase, stop: threading.Event) -> Iterator[None]:
    """Captures in a thread of its own while the block lasts."""
    thread = threading.Thread(target=run_capture, args=(source, channel, period_s, base, stop), name="beside", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _serve(http: str, channel: Channel, others: dict[str, Channel], facts: dict[str, Callable[[], object]]) -> StreamServer:
    host, _, port = http.rpartition(":")
    if not host or not port.isdigit():
        raise ConfigError("config.invalid", f"http {http!r}: write HOST:PORT, e.g. 127.0.0.1:8090")
    try:
        told = lambda: {name: value() for name, value in list(facts.items())}  # noqa: E731 one expression
        server = StreamServer(host, int(port), channel, told, others)
    except OSError as error:
        raise ConfigError("config.invalid", f"http {http!r}: cannot listen there ({error}); choose a free port") from error
    server.start()
    return server


def _hazards(place: World, world_s: float) -> list[dict[str, Any]]:
    return [
        {
            "hazard": item.hazard,
            "number": item.number,
            "lat_deg": item.centre.lat_deg,
            "lon_deg": item.centre.lon_deg,
            "ground_amsl_m": item.ground_amsl_m,
            "area_m2": item.area_m2,
            "polygons": [[[point.lon_deg, point.lat_deg] for point in ring] for ring in item.polygons[:8]],
        }
        for item in truth(place, world_s)
    ]
