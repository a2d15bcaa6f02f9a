"""A real broker, a real desk and the system's Chromium. Where there is no Chromium these tests are skipped and say so."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from simulator.hub.broker import Broker
from tests.doubles.desk import PASSWORD, ContractNest, RunningDesk, running_desk

CHROMIUM = next((found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None)

expect.set_options(timeout=60_000)

# Closed at the end of their module, not of the session: while Playwright's synchronous interface is open, its loop counts as
# running, and no test of the same process could run one of its own.


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with Broker(tmp_path_factory.mktemp("broker"), "mosquitto") as running:
        yield running


@pytest.fixture(scope="module")
def desk(broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDesk]:
    with running_desk(tmp_path_factory.mktemp("desk"), broker.port) as running:
        yield running


@pytest.fixture
def nest(broker: Broker) -> Iterator[ContractNest]:
    """It takes its open alerts with it."""
    with ContractNest(broker.port) as speaking:
        yield speaking


def log_in(browser: Browser, desk: RunningDesk, login: str = "anna", **context: object) -> Page:
    """A page of somebody who is logged in; any error on it fails the test that looks."""
    page = browser.new_context(**context).new_page()  # type: ignore[arg-type]
    page.set_default_timeout(60_000)
    page.goto(desk.url)
    page.fill("[name=login]", login)
    page.fill("[name=password]", PASSWORD)
    page.click("#login button.main")
    page.wait_for_selector("#link.good")
    return page
