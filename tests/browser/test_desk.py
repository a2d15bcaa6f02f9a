"""What a dispatcher does, in Chromium, against a real broker and a nest that speaks the contract."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from agent.domain.alert import Alert, AlertStatus, HistoryEntry
from agent.domain.status import NestSummary, Reason
from simulator.hub.broker import Broker
from tests.browser.conftest import log_in
from tests.doubles.desk import ContractNest, RunningDesk, alert, jpeg, running_desk, until

pytestmark = pytest.mark.timeout(300)  # a browser on a busy machine
HOSTILE = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>\u202e"

_LOWEST_TARGET_PX = """Math.min(...[...document.querySelectorAll('#detail .actions button, nav button, header button')]
    .map((button) => button.getBoundingClientRect().height).filter((height) => height > 0))"""


def test_a_dispatcher_sees_an_alert_answers_it_and_follows_it_to_its_end(
    browser: Browser, desk: RunningDesk, nest: ContractNest
) -> None:
    early = nest.raise_alert(alert(), jpeg("picture"), jpeg("thermal"))
    page = log_in(browser, desk)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))

    # It was open before the page was; a new one comes by itself, and the title calls.
    page.wait_for_selector(f"[data-key='{early.alert}']")
    late = nest.raise_alert(alert(severity="Extreme"))
    page.wait_for_selector(f"[data-key='{late.alert}']")
    assert page.title().startswith("(2) Fire")

    # Picture and thermal are there and proved.
    page.click(f"[data-key='{early.alert}']")
    drawn = "[...document.querySelectorAll('#detail img')].filter((i) => i.naturalWidth === 640).length === 2"
    # The page's own rules forbid the eval by which Playwright would wait.
    until(lambda: page.evaluate(drawn), "both pictures drawn")
    expect(page.locator("#detail figcaption .good")).to_have_count(2)

    # Acknowledging by key reaches the nest in the contract's words; the state changes when the nest says so.
    nest.answers = False
    page.keyboard.press("a")
    page.wait_for_selector("#detail .asked")
    action, properties = nest.actions[0]
    assert (action.alert, action.action, action.by) == (early.alert, "acknowledge", "Anna Li")
    assert properties["type"] == "nest.alert.action.v1"
    assert page.locator("#detail .st-open").count() == 1
    nest.step(nest.open[early.alert], AlertStatus.ACKNOWLEDGED, "Anna Li")
    page.wait_for_selector("#detail .st-acknowledged")
    assert page.locator("#detail .asked").count() == 0

    # Another look is asked for as a flight, and the alert shows what became of it.
    page.keyboard.press("l")
    page.click("dialog button.main")
    look = until(lambda: nest.actions[1:], "the answer")[0][0]
    assert look.action == "look_again"
    nest.reply(look, 1, "refused", alert=early.alert, reasons=[Reason(code="request.hours", words="Not at night.")])
    expect(page.locator(f"#detail [data-request='{look.request}']")).to_contain_text("Not at night.")

    # Closing wants a second yes, and takes a note.
    nest.answers = True
    page.keyboard.press("r")
    page.fill("dialog textarea", "put out by hand")
    page.click("dialog button.main")
    page.wait_for_selector("#detail .st-resolved")
    assert nest.actions[2][0].reason == "put out by hand"
    expect(page.locator("#detail .actions button")).to_have_count(0)
    expect(page.locator("#tab-alerts")).to_contain_text("(1)")

    # What was said is in the history.
    page.click("#tab-history")
    page.click(f"#side [data-key='{early.alert}']")
    expect(page.locator("#side article")).to_have_count(3)
    assert errors == []


def test_a_flight_is_asked_for_by_drawing_and_followed_to_its_end(
    browser: Browser, desk: RunningDesk, nest: ContractNest
) -> None:
    page = log_in(browser, desk)
    page.click("#tab-flights")
    page.click("[data-do=draw]")
    box = page.locator("#map").bounding_box()
    assert box
    for x, y in ((0.3, 0.4), (0.6, 0.35), (0.55, 0.7)):
        corners = page.locator("#drawing b").inner_text()
        page.mouse.click(box["x"] + box["width"] * x, box["y"] + box["height"] * y)
        expect(page.locator("#drawing b")).not_to_have_text(corners)
    page.click("[data-do=drawn]")
    page.click(".ask button.wide")
    page.click("dialog button.main")

    request = until(lambda: nest.requests, "the request")[0]
    assert request.by == "Anna Li"
    assert request.area
    ring = request.area.polygon.coordinates[0]
    assert len(ring) == 4
    assert ring[0] == ring[-1]

    card = page.locator(f"[data-request='{request.request}']")
    nest.reply(request, 1, "accepted", queue_place=1)
    expect(card.locator(".status")).to_have_text("accepted")
    nest.reply(request, 2, "started", flight="F1")
    nest.report(request, "F1", 4, 11)
    expect(card).to_contain_text("4 of 11 points")
    nest.reply(request, 3, "done", outcome="cut_short", reasons=[Reason(code="flight.wind", words="Too much wind.")])
    expect(card.locator(".status")).to_have_text("cut short")
    expect(card).to_contain_text("Too much wind.")


def test_a_desk_that_lost_the_broker_says_so_large_and_sends_nothing(browser: Browser, tmp_path: Path) -> None:
    with (
        Broker(tmp_path / "broker", "mosquitto") as broker,
        ContractNest(broker.port) as nest,
        running_desk(tmp_path / "desk", broker.port) as desk,
    ):
        _lose_all(log_in(browser, desk), nest.raise_alert(alert()), broker, desk)


def _lose_all(page: Page, told: Alert, broker: Broker, desk: RunningDesk) -> None:
    page.click(f"[data-key='{told.alert}']")
    broker.stop()
    page.wait_for_selector("#trouble.lost")
    expect(page.locator("#trouble strong")).to_have_text("NO CONNECTION TO THE HUB")
    page.click("[data-action=acknowledge]")
    expect(page.locator("#toast.bad")).to_contain_text("nothing was sent")
    # The broker comes back without its memory: what it no longer keeps is no longer open.
    broker.forget()
    broker.start()
    page.wait_for_selector("#trouble", state="hidden")
    expect(page.locator("#tab-alerts")).to_contain_text("(0)")
    # And a page that lost its server says that.
    desk.process.kill()
    page.wait_for_selector("#trouble.lost")
    expect(page.locator("#trouble strong")).to_have_text("THIS PAGE HAS LOST ITS SERVER")


def test_text_from_outside_is_text(browser: Browser, desk: RunningDesk, nest: ContractNest) -> None:
    by = HistoryEntry(at=datetime.now(UTC), by=HOSTILE, status=AlertStatus.OPEN, reason=HOSTILE)
    told = nest.raise_alert(alert(route=HOSTILE, inspection_point=HOSTILE, history=(by,)), b"<script>no picture</script>")
    nest.say_status(NestSummary.FAULT, reasons=(Reason(code=HOSTILE, words=HOSTILE),))
    page = log_in(browser, desk)
    page.click(f"[data-key='{told.alert}']")
    page.wait_for_selector("#detail .history")
    page.hover(".mark.alert")
    page.click("#tab-history")
    page.wait_for_selector("#side .card")
    assert page.evaluate("document.querySelectorAll('img[src=x], script:not([src])').length") == 0
    assert "owned" not in page.title()
    assert "\u202e" not in page.locator("body").inner_text()
    assert "<img src=x" in page.locator("#side .card").first.inner_text()
    assert page.locator("#detail img").count() == 0


def test_on_a_phone_and_in_chinese(browser: Browser, desk: RunningDesk, nest: ContractNest) -> None:
    told = nest.raise_alert(alert(), jpeg())
    phone = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True, "locale": "zh-CN"}
    page = log_in(browser, desk, **phone)
    page.tap(f"[data-key='{told.alert}']")
    expect(page.locator("[data-action=acknowledge]")).to_contain_text("确认")
    assert page.evaluate(_LOWEST_TARGET_PX) >= 44  # measured at one moment: the page draws itself anew as ages grow
    assert _wider_than_the_screen(page) == 0
    page.tap("[data-action=acknowledge]")
    expect(page.locator("#detail .status").first).to_have_text("已确认")
    page.tap("#tab-map")
    page.wait_for_selector("#map .mark.alert")
    page.tap("#tab-flights")
    page.wait_for_selector(".ask")
    assert _wider_than_the_screen(page) == 0


def _wider_than_the_screen(page: Page) -> int:
    return int(page.evaluate("Math.max(0, document.documentElement.scrollWidth - innerWidth)"))


def test_a_viewer_can_do_nothing(browser: Browser, desk: RunningDesk, nest: ContractNest) -> None:
    told = nest.raise_alert(alert())
    page = log_in(browser, desk, "wei")
    page.click(f"[data-key='{told.alert}']")
    page.wait_for_selector("#detail dl")
    assert page.locator("#detail .actions button").count() == 0
    answer = page.evaluate(
        """async (key) => { const { csrf } = await (await fetch('/api/session')).json();
        return (await fetch(`/api/alerts/${key}/actions`, { method: 'POST', body: '{"action": "resolve"}',
            headers: { 'Content-Type': 'application/json', 'X-Desk-Token': csrf } })).status; }""",
        told.alert,
    )
    assert answer == 409
    assert nest.actions == []
