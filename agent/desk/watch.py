"""The list of open alerts in a terminal. It listens and never speaks; text from outside cannot steer the terminal."""

import asyncio
from datetime import datetime
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from agent.config.desk import DeskConfig
from agent.core.clock import Clock
from agent.core.tasks import background
from agent.desk.board import Board, Change
from agent.desk.hub import DeskHub
from agent.desk.reading import SeenAlert
from agent.messaging.link import Incoming

_COLOURS = {"Extreme": "bold red", "Severe": "red", "Moderate": "yellow"}
_WAITING = {"open": 0, "updated": 0}
_REFRESH_S = 1.0


async def watch(config: DeskConfig, console: Console | None = None) -> None:
    """Shows the list until it is stopped."""
    clock, news = Clock(), asyncio.Event()
    board = Board(config.hub.topic_root, config.department)

    def tell(_change: Change) -> None:
        news.set()

    def forget(_message: Incoming) -> None:
        """A terminal keeps no history."""

    # Its own name at the broker: the desk of the same station may run beside it.
    config = config.model_copy(update={"station": f"{config.station}-watch"[:31]})
    hub = DeskHub(config, board, tell, forget, clock)
    with Live(console=console or Console(), auto_refresh=False) as live:
        async with background(hub.run(), "desk-hub"):
            while True:
                live.update(screen(board, hub.link, clock.utc()), refresh=True)
                news.clear()
                try:
                    async with asyncio.timeout(_REFRESH_S):
                        await news.wait()
                except TimeoutError:
                    continue  # the ages grow


def screen(board: Board, link: dict[str, Any], now: datetime) -> Group:
    """What stands in the terminal."""
    table = Table("", "hazard", "status", "severity", "certainty", "where", "± m", "nest", "age", "alert", expand=True)
    entries = [(entry.nest, entry.alert) for entry in board.alerts.values() if entry.open and entry.alert]
    for nest, alert in sorted(entries, key=lambda one: _order(one[1])):
        table.add_row(*_row(nest, alert, now))
    nests = "   ".join(f"{nest}: {known.get('status', {}).get('state', '?')}" for nest, known in sorted(board.nests.items()))
    if link["connected"]:
        head = Text(f"connected   {len(entries)} open   {clean(nests)}", style="green")
    else:
        head = Text(
            f"NO CONNECTION TO THE HUB since {link['since']}: {clean(link['words'])}. What stands here is old.",
            "bold white on red",
        )
    return Group(head, table)


def _order(alert: SeenAlert) -> tuple[int, float]:
    return _WAITING.get(alert.status.value, 1), -alert.last_seen.timestamp()


def _row(nest: str, alert: SeenAlert, now: datetime) -> list[Text]:
    place = alert.position
    cells = (
        "EXERCISE" if alert.simulated else "",
        alert.hazard,
        alert.status.value,
        alert.severity,
        f"{alert.certainty} {alert.confidence:.0%}",
        f"{place.lat:.5f}, {place.lon:.5f}",
        f"{place.error_ellipse.semi_major_m:.0f}",
        nest,
        _age((now - alert.last_seen).total_seconds()),
        alert.alert,
    )
    style = _COLOURS.get(alert.severity, "") if alert.status.value in _WAITING else "dim"
    return [Text(clean(cell), style=style) for cell in cells]


def _age(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0, seconds):.0f} s"


def clean(text: str) -> str:
    """Without what would move the cursor or turn the reading direction."""
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in text)[:200]
