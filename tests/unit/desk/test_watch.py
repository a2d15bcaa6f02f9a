"""The list in the terminal."""

import io
from datetime import timedelta

from rich.console import Console

from agent.core.clock import rfc3339
from agent.desk.board import Board
from agent.desk.watch import screen
from agent.messaging.link import Incoming
from tests.doubles.desk import DEPARTMENT, alert


def told(link: dict[str, object]) -> str:
    seen = Board("nest/v1", DEPARTMENT)
    one = alert("a1", inspection_point="P1", hazard="fire")
    hostile = one.model_dump_json().replace("fire", "fire\\u001b[2J[red]")
    seen.hear(Incoming(f"nest/v1/alerts/{DEPARTMENT}/fire/n1/a1", hostile.encode(), True, {}), one.last_seen)
    out = io.StringIO()
    Console(file=out, width=160, force_terminal=False).print(screen(seen, link, one.last_seen + timedelta(minutes=3)))
    return out.getvalue()


def test_it_shows_what_is_open_and_how_old_that_is() -> None:
    text = told({"connected": True})
    assert "1 open" in text
    assert "3 min" in text
    assert "[red]" in text
    assert "\x1b" not in text


def test_it_says_that_it_hears_nothing() -> None:
    since = rfc3339(alert().last_seen)
    assert "NO CONNECTION TO THE HUB" in told({"connected": False, "since": since, "words": "refused"})
