"""``nest-sim outbox-faults``: is every alert told exactly once, whatever fails between nest and hub?"""

import asyncio
import json
import shutil
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table

if TYPE_CHECKING:
    from simulator.hub.fault_verdict import Verdict
    from simulator.runner.outbox_faults import Picture

_NEWEST_S = 1.0
_BAR = 40


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("outbox-faults")(outbox_faults)


def outbox_faults(
    minutes: Annotated[float, typer.Option(help="Length of the story.", min=1)] = 120.0,
    faster: Annotated[float, typer.Option(help="The story is told so many times faster.", min=1)] = 10.0,
    seed: Annotated[int, typer.Option(help="Of all chance: the same seed and the same things happen at the same minutes.")] = 1,
    bursts: Annotated[int, typer.Option(help="Bursts of 500 alerts.", min=0)] = 4,
    faults: Annotated[int, typer.Option(help="How often each fault comes.", min=0)] = 4,
    out: Annotated[Path | None, typer.Option(help="Folder for what the run leaves; emptied first.")] = None,
) -> None:
    """Raises alerts while broker, line, disk, clock and the nest itself fail, and counts what a consumer gets.

    Exit status 1 if an alert was lost, doubled or out of order, or the newest waited behind the backlog.
    """
    from simulator.hub.fault_plan import Story
    from simulator.hub.small_disk import can_mount
    from simulator.runner.outbox_faults import FaultRun

    console = Console(highlight=False, soft_wrap=True)
    if out is not None and out.exists():
        shutil.rmtree(out)
    longest = min(30.0, minutes / 4.0)
    story = Story(minutes=minutes, bursts=bursts, faults=faults, longest_cut_min=longest, disk=can_mount())
    if not story.disk:
        console.print("The disk stays as it is: only root may make a small one to fill it.")
    with tempfile.TemporaryDirectory() as folder, Live(console=console, auto_refresh=False) as live:
        run = FaultRun(
            out or Path(folder), story, seed, 60.0 / faster, lambda p: live.update(_table(p, story.minutes), refresh=True)
        )
        verdict = asyncio.run(run.run())
    newest = max(verdict.newest_waited_s, default=0.0)
    console.print_json(
        json.dumps({**asdict(verdict), "newest_waited_s": f"{newest:.2f} at most in {len(verdict.newest_waited_s)}"})
    )
    console.print(_words(verdict, newest))
    if not verdict.good or newest > _NEWEST_S:
        raise typer.Exit(1)


def _words(verdict: "Verdict", newest_s: float) -> str:
    if not verdict.good:
        return "NOT GOOD: see the lists above."
    return (
        f"{verdict.alerts} alerts in {verdict.messages} messages: each exactly once, in order. "
        f"After a reconnection the newest took {newest_s:.2f} s at most. "
        f"{verdict.died_with_broker} messages died with a broker that had acknowledged them; later ones replaced them."
    )


def _table(picture: "Picture", minutes: float) -> Table:
    done = min(1.0, picture.minute / minutes)
    table = Table.grid(padding=(0, 2))
    table.add_row(
        "story", f"[{'#' * int(done * _BAR):<{_BAR}}]".replace("[", "\\[") + f" minute {picture.minute:.0f} of {minutes:.0f}"
    )
    table.add_row("alerts", f"{picture.raised} sighted, {picture.committed} messages safe on disk")
    table.add_row("consumer", f"{picture.heard} heard, {picture.twice} came twice and were dropped")
    table.add_row("now", f"{picture.what}; down: {', '.join(sorted(picture.down)) or 'nothing'}")
    table.add_row("so far", ", ".join(f"{count} x {what}" for what, count in sorted(picture.faults.items())))
    return table
