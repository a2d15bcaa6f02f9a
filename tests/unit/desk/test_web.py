"""The door of the page: proofs, limits, headers. Spoken to as a server speaks to it, without a network."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from starlette.types import ASGIApp, Message

from agent.config.desk import DeskConfig, DeskUser, load_desk
from agent.core.clock import Clock
from agent.core.errors import ConfigError
from agent.desk.asking import Asker
from agent.desk.board import Board
from agent.desk.desk import Desk
from agent.desk.fan import Fan
from agent.desk.history import History
from agent.desk.hub import DeskHub, HistoryWriter
from agent.desk.login import FREE_ATTEMPTS, Gate, hash_password
from agent.desk.serve import check
from agent.desk.web import Site

STORED = hash_password("fire-watch-7")
NAMES = {"login": "anna", "password": "fire-watch-7"}


def config(tmp_path: Path, **more: Any) -> DeskConfig:
    users = {"anna": DeskUser(name="Anna Li", password=SecretStr(STORED))}
    return DeskConfig.model_validate({"department": "forestry", "hub": {"tls": None}, "users": users, **more})


@dataclass
class Visitor:
    """A browser with a cookie and a token."""

    app: ASGIApp
    cookie: str = ""
    token: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    async def ask(self, method: str, path: str, body: object = None, kind: str = "application/json") -> tuple[int, Any]:
        sent: list[Message] = []
        headers = [(b"cookie", self.cookie.encode()), (b"x-desk-token", self.token.encode()), (b"content-type", kind.encode())]
        scope: dict[str, Any] = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": b"",
            "root_path": "",
            "scheme": "http",
        }
        scope |= {"http_version": "1.1", "query_string": b"", "headers": headers, "client": ("10.0.0.9", 1), "server": None}
        payload = body if isinstance(body, bytes) else json.dumps(body).encode()

        async def receive() -> Message:
            return {"type": "http.request", "body": payload, "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        self.headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        if "set-cookie" in self.headers:
            self.cookie = self.headers["set-cookie"].split(";")[0]
        text = b"".join(message.get("body", b"") for message in sent[1:])
        return sent[0]["status"], json.loads(text) if self.headers.get("content-type") == "application/json" else text

    async def log_in(self) -> None:
        status, told = await self.ask("POST", "/api/login", NAMES)
        assert status == 200
        self.token = told["csrf"]


@pytest.fixture
async def visitor(tmp_path: Path) -> Any:
    settings, clock, fan = config(tmp_path), Clock(), Fan()
    board, history = Board("nest/v1", "forestry"), History("sqlite://", "forestry")
    writer = HistoryWriter(settings, history, clock)
    hub = DeskHub(settings, board, fan.tell, writer.incoming, clock)
    desk = Desk(board, fan, hub, Asker("nest/v1", "forestry", "desk", None, clock), writer, clock)
    yield Visitor(Site(settings, desk, history, Gate(settings.users, "k" * 32, 60.0)).app())
    history.close()


async def test_nothing_is_shown_to_whom_is_not_logged_in(visitor: Visitor) -> None:
    for path in ("/api/session", "/api/events", "/api/pictures/a/snapshot", "/api/map/0", "/api/history/alert"):
        assert (await visitor.ask("GET", path))[0] == 401
    for path in ("/api/logout", "/api/requests", "/api/alerts/a/actions"):
        assert (await visitor.ask("POST", path, {}))[0] == 401


async def test_a_login_gives_a_cookie_that_scripts_and_other_sites_cannot_use(visitor: Visitor) -> None:
    await visitor.log_in()
    said = visitor.headers["set-cookie"].lower()
    assert "httponly" in said
    assert "samesite=strict" in said
    assert (await visitor.ask("GET", "/api/session"))[1]["name"] == "Anna Li"


async def test_doing_needs_the_token_and_json(visitor: Visitor) -> None:
    await visitor.log_in()
    assert (await visitor.ask("POST", "/api/requests", {}, kind="text/plain"))[0] == 415
    assert (await visitor.ask("POST", "/api/requests", b"{" * 70_000))[0] == 413
    assert (await visitor.ask("POST", "/api/requests", b"[" * 5000))[0] == 400
    visitor.token = "another"  # noqa: S105 no secret
    assert (await visitor.ask("POST", "/api/requests", {}))[0] == 403


async def test_nothing_is_sent_without_a_hub_and_the_answer_says_so(visitor: Visitor) -> None:
    await visitor.log_in()
    status, told = await visitor.ask("POST", "/api/alerts/a1/actions", {"action": "resolve"})
    assert (status, told["words"]) == (409, "this alert is no longer open")


async def test_guessing_is_slowed_down(visitor: Visitor) -> None:
    for _ in range(FREE_ATTEMPTS):
        assert (await visitor.ask("POST", "/api/login", {**NAMES, "password": "guess"}))[0] == 401
    status, told = await visitor.ask("POST", "/api/login", NAMES)
    assert status == 429
    assert told["wait_s"] >= 1


async def test_every_answer_forbids_what_a_page_of_ours_does_not_need(visitor: Visitor) -> None:
    status, page = await visitor.ask("GET", "/")
    assert status == 200
    policy = visitor.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert visitor.headers["x-content-type-options"] == "nosniff"
    assert b"<script>" not in page
    assert b"style=" not in page
    for path in ("/static/../web.py", "/static/%2e%2e/web.py"):
        assert (await visitor.ask("GET", path))[0] == 404


def test_passwords_do_not_cross_a_network_in_the_clear(tmp_path: Path) -> None:
    check(config(tmp_path))
    check(config(tmp_path, web={"address": "0.0.0.0", "behind_proxy": True}))  # noqa: S104 the proxy's matter
    with pytest.raises(ConfigError, match="cert_file"):
        check(config(tmp_path, web={"address": "0.0.0.0"}))  # noqa: S104 refused
    with pytest.raises(ConfigError, match="users"):
        check(config(tmp_path, users={}))


def test_a_configuration_is_read_and_its_files_count_from_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "desk.yaml"
    path.write_text("department: forestry\nmap: {layers: [base.geojson]}\nhub: {tls: {ca_file: ca.pem}}\n")
    read = load_desk(path)
    assert read.map.layers == (tmp_path / "base.geojson",)
    assert read.history == f"sqlite:///{tmp_path / 'desk.sqlite'}"
    assert read.hub.tls
    assert read.hub.tls.ca_file == tmp_path / "ca.pem"
    path.write_text("department: Forestry Farm\n")
    with pytest.raises(ConfigError, match="department"):
        load_desk(path)
