"""``nest-sim bench``: how fast things are on this computer, in real time."""

import asyncio
import json
import logging
import pstats
import statistics
import tempfile
from pathlib import Path
from typing import Annotated

import structlog
import typer
from rich.console import Console
from rich.table import Table


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    group = typer.Typer(name="bench", help="How fast things are on this computer.", no_args_is_help=True)
    group.command("alert")(alert)
    group.command("link")(link)
    group.command("mission")(mission)
    group.command("outbox")(outbox)
    app.add_typer(group)


def alert(
    scenario: Annotated[str, typer.Option(help="A shipped scenario's name, or a file.")] = "many_fires",
    out: Annotated[Path, typer.Option(help="Folder for what the run leaves. It is emptied first.")] = Path("out/bench"),
) -> None:
    """Flies a patrol over several fires at speed 1 and prints the times from the agent's own log. Takes about ten minutes."""
    from simulator.demo.run import run_demo
    from simulator.runner.nest_run import RunOptions
    from simulator.scenario import load_scenario

    console = Console()
    ended = run_demo(load_scenario(scenario), out.resolve(), RunOptions(speed=1.0), console)
    rows = deliveries(out / "logs" / "agent.log")
    table = Table("from … to the broker's acknowledgement", "messages", "p50 s", "p95 s", "most s")
    for name, key in (("the confirming frame", "capture_to_puback_s"), ("the commit to disk", "commit_to_puback_s")):
        values = sorted(value for row in rows if (value := row[key]) is not None)
        table.add_row(name, str(len(values)), *(f"{value:.3f}" for value in spread(values)))
    console.print(table)
    console.print(
        "Peak memory: " + ", ".join(f"{name} {peak:.0f} MB" for name, peak in ended.peaks_mb.items()), highlight=False
    )


def link(
    rate: Annotated[float, typer.Option(help="How often a second each of the twenty kinds of messages is sent.")] = 50.0,
    seconds: Annotated[float, typer.Option(help="How long is measured.", min=1.0)] = 20.0,
    profile: Annotated[bool, typer.Option(help="Also say where the time goes; that run is slower.")] = False,
) -> None:
    """Sends a flight's messages by UDP and prints what listening to them costs the agent, as share of one core."""
    from simulator.bench.link_load import KINDS, listen

    console = Console(highlight=False, soft_wrap=True)
    for hz in (rate / 20, rate):
        watched = listen(hz, seconds)
        taken = sum(watched["kinds"].values())
        console.print(
            f"{KINDS} kinds at {hz:g} Hz: {taken:.0f} messages a second taken, {watched['processor']:.1%} of one core, "
            f"{1e6 * watched['processor'] / max(taken, 1.0):.0f} us a message"
        )
    if profile:
        with tempfile.NamedTemporaryFile(suffix=".pstats") as file:
            listen(rate, seconds, Path(file.name))
            pstats.Stats(file.name).strip_dirs().sort_stats("tottime").print_stats(20)


def mission(
    runs: Annotated[int, typer.Option(help="Uploads for each line.", min=1)] = 5,
    items: Annotated[
        list[int] | None, typer.Option(help="Items of the mission, 4 to 650. Repeat for more.", min=4, max=650)
    ] = None,
    only: Annotated[str, typer.Option(help="Only links whose name has this in it.")] = "",
    vehicle: Annotated[
        str | None, typer.Option(help="tcp:HOST:PORT of a vehicle that is there; else the built-in one is used.")
    ] = None,
    mavsdk: Annotated[
        Path | None, typer.Option(help="A Python that has mavsdk 4: its plain upload is measured too, on the loopback line.")
    ] = None,
) -> None:
    """Uploads plans, reads them back, and prints the time for the mission and its ratio to the wire's own limit."""
    from simulator.runner.mission_bench import CASES, COUNTS, LOOPBACK, measure, vehicle_process
    from simulator.runner.mission_bench import mavsdk as measure_mavsdk

    console = Console(highlight=False, width=120)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    table = Table("link", "items", "mission s", "limit s", "ratio", "bare limit s", "ratio", "plan s", "failed", "MAVSDK s")
    with vehicle_process(vehicle) as address:
        for case in CASES:
            for count in (items or COUNTS) if only in case.name else ():
                over = address if case is LOOPBACK else vehicle
                row = measure(case, count, runs, over)
                peer = ""
                if mavsdk is not None and case is LOOPBACK:
                    version, seconds = measure_mavsdk(mavsdk, address, count, runs)
                    peer = f"{statistics.median(seconds):.3f} ({version})"
                ratios = [part for s in (row.limit_s, row.bare_limit_s) for part in (f"{s:.3f}", f"{row.median_s / s:.2f}")]
                failed = f"{len(row.failures)} of {runs}"
                table.add_row(case.name, str(count), f"{row.median_s:.3f}", *ratios, f"{row.plan_s:.3f}", failed, peer)
                for refused in row.failures:
                    console.print(f"{case.name}, {count} items: {refused.code}: {refused.words}")
    console.print(table)
    console.print(
        "mission: uploaded, read back and compared. limit: what its bytes need on the wire beside the telemetry; bare: "
        "without telemetry. plan: with fence, rally points and parameters. MAVSDK: upload only, not read back."
    )


def outbox(
    backlog: Annotated[int, typer.Option(help="Alert messages that wait when the broker comes back.", min=100)] = 100_000,
    appends: Annotated[int, typer.Option(help="Alert messages that are made safe one by one.", min=100)] = 2_000,
    directory: Annotated[Path | None, typer.Option("--dir", help="On the disk to be measured; else the temporary one.")] = None,
) -> None:
    """Prints how fast alerts become safe and leave, and how long a new one takes while a backlog drains. Minutes."""
    from simulator.runner import outbox_bench

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    console = Console(highlight=False, soft_wrap=True)
    with tempfile.TemporaryDirectory(dir=directory) as folder:
        appending = asyncio.run(outbox_bench.append(Path(folder) / "append", appends))
        p50, p99 = (1e3 * appending.percentile_s(share) for share in (0.5, 0.99))
        console.print(
            f"Safe on disk, one by one: p50 {p50:.2f} ms, p99 {p99:.2f} ms, most {1e3 * appending.seconds[-1]:.2f} ms"
        )
        rate = asyncio.run(outbox_bench.sustained(Path(folder) / "sustained", appends))
        console.print(f"Sustained, each safe before the next and all acknowledged: {rate:.0f} a second")
        found = asyncio.run(outbox_bench.drain(Path(folder) / "drain", backlog))
    console.print(
        f"Backlog of {found.backlog}: {found.file_mb:.0f} MB on disk, opened and checked in {found.opened_s:.1f} s, "
        f"gone in {found.drained_s:.0f} s ({found.backlog / found.drained_s:.0f} a second)"
    )
    p50, p95, most = spread(list(found.fresh_s))
    console.print(
        f"New alerts meanwhile, from commit to the consumer: {len(found.fresh_s)} of them, p50 {1e3 * p50:.0f} ms, "
        f"p95 {1e3 * p95:.0f} ms, most {1e3 * most:.0f} ms. Twice at the consumer: {found.duplicates}. "
        f"Peak memory {found.peak_mb:.0f} MB"
    )


def deliveries(log: Path) -> list[dict[str, float | None]]:
    """The alert messages that the broker acknowledged."""
    found = []
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith("{") and '"delivered"' in line:
            event = json.loads(line)
            if event.get("event") == "delivered" and event["kind"] == "nest.alert.v1":
                found.append(event)
    return found


def spread(values: list[float]) -> tuple[float, float, float]:
    """Median, 95th percentile (nearest rank) and largest of sorted values; NaN for none."""
    if not values:
        return (float("nan"),) * 3
    rank = max(0, -(-95 * len(values) // 100) - 1)
    return statistics.median(values), values[rank], values[-1]
