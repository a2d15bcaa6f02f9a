"""Puts a desk together and runs it until it is stopped."""

import asyncio
import ipaddress
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn

from agent.config.desk import DeskConfig
from agent.core.clock import Clock, rfc3339, utc_from_unix
from agent.core.errors import ConfigError, StoreError
from agent.core.tasks import background
from agent.desk.asking import Asker
from agent.desk.board import Board
from agent.desk.desk import Desk
from agent.desk.fan import Fan
from agent.desk.history import History
from agent.desk.hub import DeskHub, HistoryWriter
from agent.desk.login import Gate
from agent.desk.web import Site

_REQUESTS_LOADED = 30
_STOP_S = 2


async def serve(config: DeskConfig) -> None:
    """Runs the desk and its page.

    Raises:
        ConfigError: it may not be served like this.
        StoreError: the history cannot be opened.
    """
    check(config)
    web = config.web
    history = await asyncio.to_thread(History, config.history, config.department)
    try:
        async with open_desk(config, history) as desk:
            key = web.session_key.get_secret_value() if web.session_key else None
            site = Site(config, desk, history, Gate(config.users, key, web.session_h * 3600.0))
            settings = uvicorn.Config(
                site.app(),
                host=web.address,
                port=web.port,
                ssl_certfile=web.cert_file,
                ssl_keyfile=web.key_file,
                proxy_headers=web.behind_proxy,
                forwarded_allow_ips="127.0.0.1",
                server_header=False,
                access_log=False,
                log_level="warning",
                timeout_graceful_shutdown=_STOP_S,
                h11_max_incomplete_event_size=65_536,
            )
            await uvicorn.Server(settings).serve()
    finally:
        await asyncio.to_thread(history.close)


def check(config: DeskConfig) -> None:
    """Whether a page may be served like this: passwords and sessions do not go over a network in the clear.

    Raises:
        ConfigError: it may not.
    """
    web = config.web
    try:
        here = ipaddress.ip_address(web.address).is_loopback
    except ValueError:
        here = web.address == "localhost"
    if not here and web.cert_file is None and not web.behind_proxy:
        raise ConfigError(
            "config.invalid",
            f"web.address {web.address} can be reached from outside; give cert_file and key_file, or behind_proxy",
        )
    if not config.users:
        raise ConfigError("config.invalid", "users: there is none; add one with a hash from nest-desk password")


@asynccontextmanager
async def open_desk(config: DeskConfig, history: History) -> AsyncIterator[Desk]:
    """A desk that listens, for as long as the block lasts. What it asked for before a restart is there again."""
    clock = Clock()
    board, fan = Board(config.hub.topic_root, config.department), Fan()
    await asyncio.to_thread(_recall, board, history)
    writer = HistoryWriter(config, history, clock)
    hub = DeskHub(config, board, fan.tell, writer.incoming, clock)
    asker = Asker(config.hub.topic_root, config.department, config.station, config.signing_key_file, clock)
    desk = Desk(board, fan, hub, asker, writer, clock)
    async with background(hub.run(), "desk-hub"), background(writer.run(), "desk-history"):
        yield desk


def _recall(board: Board, history: History) -> None:
    try:
        for past in reversed(history.newest("request", most=_REQUESTS_LOADED)):
            replies = [reply["body"] for reply in history.of("reply", past["subject"])]
            at = {"nest": past["nest"], "at": _time(past["unix_s"]), "body": past["body"], "delivery": "sent", "trouble": ""}
            board.requested(past["subject"], {**at, "replies": replies})
    except StoreError as error:
        raise StoreError(error.code, f"what was asked for before cannot be read: {error.message}") from error


def _time(unix_s: float) -> str:
    return rfc3339(utc_from_unix(unix_s))
