"""The report of a run: one HTML page with a map and pictures inside it, so that it opens anywhere, without a network."""

import base64
import html
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2

from agent.core.geo import LatLon
from simulator.demo.story import Json, Story
from simulator.demo.verdict import Item, Truth, ellipse_polygon
from simulator.scenario import Scenario

_MAP_PX = 1000

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 1040px; padding: 0 1rem; color: #1c2733; }
h1 { margin-bottom: .2rem }
h2 { margin-top: 2rem; border-bottom: 1px solid #d5dbe1 }
table { border-collapse: collapse; width: 100% }
td, th { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #e8ecf0; vertical-align: top }
.good { color: #12722f }
.bad { color: #b3141b }
.sum { font-size: 1.2rem; font-weight: 600 }
.pictures { display: flex; flex-wrap: wrap; gap: 1rem }
figure { margin: 0; max-width: 500px }
figure img { width: 100% }
svg { width: 100%; height: auto; background: #dde3da }
.quiet { color: #5d6a78 }
"""


@dataclass(frozen=True, slots=True)
class Findings:
    """What the page shows beside the story."""

    items: Sequence[Item]
    truths: Sequence[Truth]
    snapshots: Sequence[Path]
    took_s: float
    speed: float


def write_report(path: Path, scenario: Scenario, story: Story, findings: Findings, map_png: Path) -> None:
    """Writes the page."""
    passed = all(item.passed for item in findings.items)
    verdict = '<p class="sum good">Passed</p>' if passed else '<p class="sum bad">Failed</p>'
    body = [
        f"<h1>{html.escape(scenario.title)}</h1>",
        _quiet(
            f"Scenario {scenario.name}, {findings.speed:g} times real time, {findings.took_s:.0f} s. "
            "Simulated: pictures, positions and alerts are not real."
        ),
        verdict,
        _table(("", "What had to hold", "What was seen"), map(_item_row, findings.items)),
        "<h2>Map</h2>",
        _map(scenario, story, findings.truths, map_png),
        _quiet(
            "White: route. Blue: flown path. Yellow: geofence. Red area: the true hazard. "
            "Red ellipse: where the alert says it is, at 95 %."
        ),
        "<h2>Alerts</h2>",
        _alerts(story),
        _pictures(findings.snapshots),
        "<h2>Time-line</h2>",
        _table(("UTC", "State"), ((html.escape(at), html.escape(state)) for at, state in story.states)),
        "<h2>Preflight checks</h2>",
        _checks(story.flight),
    ]
    page = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(scenario.title)}</title>'
        f"<style>{_STYLE}</style></head><body>{''.join(body)}</body></html>"
    )
    path.write_text(page, encoding="utf-8")


def _quiet(words: str) -> str:
    return f'<p class="quiet">{html.escape(words)}</p>'


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{h}</th>" for h in heads)
    lines = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{lines}</table>"


def _item_row(item: Item) -> tuple[str, str, str]:
    mark = '<span class="good">✓</span>' if item.passed else '<span class="bad">✗</span>'
    return mark, html.escape(item.name), html.escape(item.words)


def _alerts(story: Story) -> str:
    def row(departments: Sequence[str], alert: Json) -> tuple[str, ...]:
        position, ellipse = alert["position"], alert["position"]["error_ellipse"]
        size = f"{alert['extent_m2']:.0f} m²" if "extent_m2" in alert else ""
        return (
            html.escape(alert["hazard"]),
            f"{alert['confidence']:.0%}",
            f"{position['lat']:.6f}, {position['lon']:.6f}",
            f"{ellipse['semi_major_m']:.0f} by {ellipse['semi_minor_m']:.0f} m",
            size,
            html.escape(alert["status"]),
            html.escape(alert["first_seen"]),
            html.escape(", ".join(departments)),
        )

    if not story.newest_alerts:
        return "<p>None.</p>"
    heads = ("Hazard", "Confidence", "Position (WGS84)", "95 % ellipse", "Size", "Status", "First seen", "Told to")
    return _table(heads, (row(departments, alert) for departments, alert in story.newest_alerts))


def _pictures(snapshots: Sequence[Path]) -> str:
    figures = [
        f'<figure><img alt="snapshot of the alert" src="{_data_uri(p.read_bytes(), "jpeg")}"><figcaption class="quiet">'
        f"{html.escape(p.name)}</figcaption></figure>"
        for p in snapshots
    ]
    return f'<div class="pictures">{"".join(figures)}</div>'


def _checks(flight: Json | None) -> str:
    if flight is None or not flight.get("checks"):
        return "<p>None were run.</p>"

    def row(check: Json) -> tuple[str, ...]:
        mark = {True: '<span class="good">✓</span>', False: '<span class="bad">✗</span>', None: "?"}[check.get("passed")]
        name = check["words"] if check["mandatory"] else f"{check['words']} (advisory)"
        return mark, html.escape(name), html.escape(check["value"]), html.escape(check["limit"])

    return _table(("", "Check", "Value", "Limit"), map(row, flight["checks"]))


def _data_uri(data: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def _map(scenario: Scenario, story: Story, truths: Sequence[Truth], map_png: Path) -> str:
    """An SVG over the world's picture from above; metres become pixels by the world's size."""
    scale = _MAP_PX / scenario.world.size_m
    frame = scenario.frame

    def xy(place: LatLon) -> str:
        at = frame.to_local(place)
        return f"{_MAP_PX / 2 + at.east_m * scale:.1f},{_MAP_PX / 2 - at.north_m * scale:.1f}"

    def shape(tag: str, places: Iterable[LatLon], style: str) -> str:
        return f'<{tag} points="{" ".join(map(xy, places))}" style="{style}"/>'

    route = [scenario.place(p) for p in scenario.nest.route.points]
    home = scenario.world.place.latlon
    parts = [
        f'<image href="{_background(map_png)}" width="{_MAP_PX}" height="{_MAP_PX}"/>',
        shape(
            "polygon", map(scenario.place, scenario.nest.fence), "fill:none;stroke:#ffd23c;stroke-width:2;stroke-dasharray:8 5"
        ),
        *(shape("polygon", ring, "fill:#e0202055;stroke:#e02020") for truth in truths for ring in truth.outlines),
        shape("polyline", [home, *route, home], "fill:none;stroke:#fff;stroke-width:1.5;stroke-dasharray:4 4"),
        shape("polyline", (LatLon(lat, lon) for lat, lon, _ in story.path), "fill:none;stroke:#39a0ff;stroke-width:2.5"),
        *(_dot(xy(scenario.place(p)), p.id) for p in scenario.nest.route.points),
        _dot(xy(home), "nest"),
        *(_ellipse(alert, xy, scale) for _, alert in story.newest_alerts),
    ]
    return f'<svg viewBox="0 0 {_MAP_PX} {_MAP_PX}" xmlns="http://www.w3.org/2000/svg">{"".join(parts)}</svg>'


def _dot(xy: str, name: str) -> str:
    x, y = xy.split(",")
    style = "fill:#fff;font:14px sans-serif;paint-order:stroke;stroke:#1c2733;stroke-width:3"
    label = f'<text x="{float(x) + 8:.1f}" y="{float(y) - 6:.1f}" style="{style}">{html.escape(name)}</text>'
    return f'<circle cx="{x}" cy="{y}" r="5" fill="#fff" stroke="#1c2733"/>{label}'


def _ellipse(alert: Json, xy: Callable[[LatLon], str], scale: float) -> str:
    x, y = xy(LatLon(alert["position"]["lat"], alert["position"]["lon"])).split(",")
    ring = ellipse_polygon(alert["position"]["error_ellipse"]).exterior.coords
    points = " ".join(f"{float(x) + east * scale:.1f},{float(y) - north * scale:.1f}" for east, north in ring)
    return f'<polygon points="{points}" style="fill:none;stroke:#ff2a2a;stroke-width:2.5"/>'


def _background(map_png: Path) -> str:
    picture = cv2.imread(str(map_png), cv2.IMREAD_COLOR)
    if picture is None:
        return ""
    small = cv2.resize(picture, (_MAP_PX, _MAP_PX), interpolation=cv2.INTER_AREA)
    _, data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 82])
    return _data_uri(data.tobytes(), "jpeg")
