"""The live view in a terminal; plain lines where there is none."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from agent.core.geo import LatLon
from simulator.demo.story import Json, Story
from simulator.scenario import Scenario

_COLUMNS, _ROWS = 56, 18


def picture(scenario: Scenario, story: Story, clock: str) -> RenderableType:
    """Everything at one glance."""
    table = Table.grid(expand=True, padding=(0, 1))
    table.add_column(width=_COLUMNS + 4)
    table.add_column(ratio=1)
    facts = Group(_facts(story), Text(), _alerts(story))
    table.add_row(
        Panel(_map(scenario, story), title=scenario.nest.route.name), Panel(facts, title=f"{scenario.nest.id}  {clock} UTC")
    )
    return table


def _facts(story: Story) -> Table:
    flight, telemetry, status = story.flight, story.telemetry or {}, story.status or {}
    grid = Table.grid(padding=(0, 1))
    grid.add_row("state", Text(telemetry.get("flight_state", "starting"), style="bold cyan"))
    grid.add_row("mode", f"{telemetry.get('mode', '-')}, height {_number(telemetry.get('alt_rel_m'), 'm')}")
    grid.add_row("speed", _number(telemetry.get("ground_speed_m_s"), "m/s"))
    charge = telemetry.get("battery")
    grid.add_row("charge", ProgressBar(total=1.0, completed=charge or 0.0, width=24) if charge is not None else "-")
    if flight is not None:
        points = f"{flight['points_seen']} of {flight['points_total']}"
        grid.add_row("points", ProgressBar(total=flight["points_total"], completed=flight["points_seen"], width=24))
        grid.add_row("", points)
    grid.add_row("lid", status.get("lid") or "-")
    for reason in (status.get("reasons") or ())[:3]:
        grid.add_row("", Text(reason["words"], style="yellow"))
    return grid


def _alerts(story: Story) -> Table:
    grid = Table(title="alerts", title_justify="left", box=None, padding=(0, 1))
    for column in ("hazard", "certainty", "status", "told to"):
        grid.add_column(column)
    for departments, alert in story.newest_alerts:
        grid.add_row(
            Text(alert["hazard"], style="bold red"), f"{alert['confidence']:.0%}", alert["status"], ", ".join(departments)
        )
    return grid


def _number(value: float | None, unit: str) -> str:
    return "-" if value is None else f"{value:.0f} {unit}"


def _map(scenario: Scenario, story: Story) -> Text:
    """A sketch: fence corners, route points, flown path, drone, alerts."""
    cells = [[" "] * _COLUMNS for _ in range(_ROWS)]
    corners = [scenario.place(corner) for corner in scenario.nest.fence]
    bounds = (
        min(c.lat_deg for c in corners),
        max(c.lat_deg for c in corners),
        min(c.lon_deg for c in corners),
        max(c.lon_deg for c in corners),
    )

    def put(place: LatLon, mark: str) -> None:
        south, north, west, east = bounds
        row = round((north - place.lat_deg) / (north - south) * (_ROWS - 1))
        column = round((place.lon_deg - west) / (east - west) * (_COLUMNS - 1))
        if 0 <= row < _ROWS and 0 <= column < _COLUMNS:
            cells[row][column] = mark

    for corner in corners:
        put(corner, "+")
    for lat, lon, _ in list(story.path):
        put(LatLon(lat, lon), "·")
    for point in scenario.nest.route.points:
        put(scenario.place(point), "o")
    put(scenario.world.place.latlon, "H")
    for _, alert in story.newest_alerts:
        put(LatLon(alert["position"]["lat"], alert["position"]["lon"]), "!")
    if story.path:
        put(LatLon(*story.path[-1][:2]), "X")
    text = Text("\n".join("".join(row) for row in cells))
    text.highlight_regex(r"!", "bold red")
    text.highlight_regex(r"X", "bold cyan")
    return text


def new_lines(story: Story, told: set[str], clock: str) -> Sequence[str]:
    """Plain lines for what is new since the last call; ``told`` is kept by the caller."""
    lines: list[str] = []
    flight = story.flight
    facts: list[tuple[str, str]] = [(f"state {at} {state}", f"{state}") for at, state in list(story.states)]
    if flight is not None:
        facts.append((f"points {flight['points_seen']}", f"points {flight['points_seen']} of {flight['points_total']}"))
        facts += [(f"reason {r['code']} {r['words']}", f"reason: {r['words']}") for r in flight.get("reasons", ())]
    facts += [(_alert_key(alert), _alert_words(departments, alert)) for departments, alert in story.newest_alerts]
    for key, words in facts:
        if key not in told:
            told.add(key)
            lines.append(f"{clock}  {words}")
    return lines


def _alert_key(alert: Json) -> str:
    return f"alert {alert['alert']} {alert['sequence']}"


def _alert_words(departments: Sequence[str], alert: Json) -> str:
    position = alert["position"]
    return (
        f"ALERT {alert['hazard']} {alert['status']} {alert['confidence']:.0%} at {position['lat']:.5f}, {position['lon']:.5f} "
        f"± {position['error_ellipse']['semi_major_m']:.0f} m, told to {', '.join(departments)}"
    )
