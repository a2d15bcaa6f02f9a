"""``nest-sim broker``: an MQTT broker on this computer, until interrupted."""

import signal
import threading
from pathlib import Path
from typing import Annotated

import typer

from simulator.hub.broker import Broker, Kind


def register(app: typer.Typer) -> None:
    """Adds the command."""

    @app.command()
    def broker(
        directory: Annotated[Path, typer.Option("--dir", help="Its configuration, state and log.")] = Path("out/broker"),
        port: Annotated[int, typer.Option(help="TCP port on the loopback interface.")] = 1883,
        kind: Annotated[str, typer.Option(help="auto, mosquitto or embedded (pure Python, MQTT 3.1.1 only).")] = "auto",
    ) -> None:
        """Runs the shared data hub's broker: Mosquitto if it is installed, else a pure-Python one."""
        ended = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: ended.set())
        with Broker(directory.resolve(), _kind(kind), port) as running:
            version = "5 and 3.1.1" if running.kind == "mosquitto" else "3.1.1"
            print(f"{running.kind} at {running.host}:{running.port}, MQTT {version}", flush=True)
            ended.wait()


def _kind(text: str) -> Kind:
    kinds: dict[str, Kind] = {"auto": "auto", "mosquitto": "mosquitto", "embedded": "embedded"}
    if text not in kinds:
        raise typer.BadParameter(f"{text!r}; use one of {', '.join(kinds)}")
    return kinds[text]
