"""The page's server: files, login, a stream of changes, and the few things that can be done. Knows HTTP and no MQTT.

Whatever does something needs three proofs: the session's cookie (HttpOnly, SameSite=Strict), the session's token in a header,
and JSON as content type, which no form of another site can send.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agent.config.desk import DeskConfig
from agent.core.errors import StoreError
from agent.core.outcome import Outcome, Refused
from agent.desk.desk import Desk
from agent.desk.history import History
from agent.desk.login import Gate, Session

STATIC = Path(__file__).parent / "static"
COOKIE = "nest-desk"
_BODY_MAX = 65_536
_HEARTBEAT_S = 5.0
_NUMBER = re.compile(r"[0-9]{1,12}(\.[0-9]{1,9})?")
_HISTORY_KINDS = {"alert", "flight", "request"}

Tree = dict[str, Any]
Handler = Callable[[Request, Session, Tree], Awaitable[Response]]


class Site:
    """The pages of one desk.

    Args:
        config: the desk's configuration.
        desk: what can be done.
        history: what was said.
        gate: who may come in.
    """

    def __init__(self, config: DeskConfig, desk: Desk, history: History, gate: Gate) -> None:
        self._config, self._desk, self._history, self._gate = config, desk, history, gate
        self._secure = config.web.cert_file is not None or config.web.behind_proxy

    def app(self) -> ASGIApp:
        """The ASGI application."""
        routes = [
            Route("/", self._index),
            Route("/healthz", self._health),
            Route("/api/login", self._login, methods=["POST"]),
            Route("/api/logout", self._doing(self._logout, viewer=True), methods=["POST"]),
            Route("/api/session", self._session),
            Route("/api/events", self._events),
            Route("/api/pictures/{alert}/{kind}", self._picture),
            Route("/api/map/{layer:int}", self._layer),
            Route("/api/history/{kind}", self._past),
            Route("/api/history/{kind}/{subject}", self._past),
            Route("/api/alerts/{alert}/actions", self._doing(self._answer), methods=["POST"]),
            Route("/api/requests", self._doing(self._request), methods=["POST"]),
            Route("/api/requests/{request}/{what:str}", self._doing(self._of_request), methods=["POST"]),
            Mount("/static", StaticFiles(directory=STATIC)),
        ]
        return _Headers(Starlette(routes=routes), self._policy(), secure=self._secure)

    def _policy(self) -> str:
        tiles = self._config.map.tiles_url
        images = f"'self' data: {'/'.join(tiles.split('/')[:3])}" if tiles else "'self' data:"
        return (
            f"default-src 'none'; script-src 'self'; style-src 'self'; img-src {images}; connect-src 'self'; "
            "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
        )

    async def _index(self, _request: Request) -> Response:
        return FileResponse(STATIC / "index.html", media_type="text/html")

    async def _health(self, _request: Request) -> Response:
        connected = bool(self._desk.hub.link["connected"])
        return JSONResponse({"hub": connected, "history": not self._desk.writer.trouble}, 200 if connected else 503)

    # Login

    async def _login(self, request: Request) -> Response:
        tree = await _json_of(request)
        login, password = str(tree.get("login", ""))[:64], str(tree.get("password", ""))[:256]
        names = (f"login {login}", f"address {request.client.host if request.client else ''}")
        now_s, attempts = self._desk.clock.unix_s(), self._gate.attempts
        wait_s = max(attempts.wait_s(name, now_s) for name in names)
        if wait_s > 0:
            return JSONResponse(
                {"code": "desk.wait", "wait_s": round(wait_s + 0.5)}, 429, {"Retry-After": str(round(wait_s + 0.5))}
            )
        for name in names:  # counted before the slow check, so that many at once do not slip through
            attempts.failed(name, now_s)
        if not await asyncio.to_thread(self._gate.check, login, password):
            return JSONResponse({"code": "desk.login"}, 401)
        for name in names:
            attempts.succeeded(name)
        session, cookie = self._gate.open(login)
        response = JSONResponse(self._about(session))
        response.set_cookie(
            COOKIE,
            cookie,
            max_age=int(self._config.web.session_h * 3600),
            httponly=True,
            samesite="strict",
            secure=self._secure,
        )
        return response

    async def _logout(self, _request: Request, _session: Session, _tree: Tree) -> Response:
        response = JSONResponse({})
        response.delete_cookie(COOKIE, httponly=True, samesite="strict", secure=self._secure)
        return response

    async def _session(self, request: Request) -> Response:
        return JSONResponse(self._about(self._who(request)))

    def _about(self, session: Session) -> dict[str, Any]:
        config, user = self._config, self._gate.user(session)
        return {
            "login": session.login,
            "name": user.name,
            "role": user.role,
            "csrf": session.csrf,
            "department": config.department,
            "scenarios": config.scenarios,
            "routes": {nest: [route.model_dump() for route in routes] for nest, routes in config.routes.items()},
            "map": {
                "layers": len(config.map.layers),
                "tiles_url": config.map.tiles_url,
                "tiles_credit": config.map.tiles_credit,
                "lat": config.map.lat,
                "lon": config.map.lon,
            },
        }

    def _who(self, request: Request) -> Session:
        session = self._gate.session(request.cookies.get(COOKIE))
        if session is None:
            raise HTTPException(401)
        return session

    def _doing(self, handler: Handler, *, viewer: bool = False) -> Callable[[Request], Awaitable[Response]]:
        """A handler that does something: the proofs first."""

        async def proved(request: Request) -> Response:
            session = self._who(request)
            if request.headers.get("x-desk-token") != session.csrf:
                raise HTTPException(403)
            if not viewer and self._gate.user(session).role == "viewer":
                return _outcome(Refused("desk.viewer", "you may look only"))
            return await handler(request, session, await _json_of(request))

        return proved

    # What is seen

    async def _events(self, request: Request) -> Response:
        self._who(request)
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(self._stream(request), media_type="text/event-stream", headers=headers)

    async def _stream(self, request: Request) -> AsyncIterator[bytes]:
        desk = self._desk
        with desk.fan.page() as page:
            everything = {**desk.board.everything(), "link": {"hub": desk.hub.link}, "now": desk.clock.unix_s()}
            yield _event("everything", everything)
            while not page.behind and self._gate.session(request.cookies.get(COOKIE)):
                changes = await page.next(_HEARTBEAT_S)
                if changes:
                    yield _event("changes", changes)
                else:
                    yield _event("alive", {"now": desk.clock.unix_s(), "history": desk.writer.trouble})

    async def _picture(self, request: Request) -> Response:
        self._who(request)
        entry = self._desk.board.alerts.get(request.path_params["alert"])
        data = entry.pictures.get(request.path_params["kind"]) if entry else None
        if data is None:
            raise HTTPException(404)
        return Response(data, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=3600"})

    async def _layer(self, request: Request) -> Response:
        self._who(request)
        layers, number = self._config.map.layers, request.path_params["layer"]
        if number >= len(layers) or not layers[number].is_file():
            raise HTTPException(404)
        return FileResponse(layers[number], media_type="application/geo+json")

    async def _past(self, request: Request) -> Response:
        self._who(request)
        kind, subject = request.path_params["kind"], request.path_params.get("subject")
        before = request.query_params.get("before", "")
        if kind not in _HISTORY_KINDS or not _NUMBER.fullmatch(before or "0"):
            raise HTTPException(404)
        try:
            if subject:
                found = await asyncio.to_thread(self._history.of, kind, subject)
            else:
                found = await asyncio.to_thread(self._history.newest, kind, float(before) if before else None)
        except StoreError as error:
            return JSONResponse({"code": error.code, "words": error.message}, 503)
        return JSONResponse(found)

    # What is done

    async def _answer(self, request: Request, session: Session, tree: Tree) -> Response:
        by, alert = self._gate.user(session).name, request.path_params["alert"]
        action, reason = str(tree.get("action", "")), str(tree.get("reason", ""))
        return _outcome(await self._desk.answer(alert, action, reason, by))

    async def _request(self, _request: Request, session: Session, tree: Tree) -> Response:
        fields, expires_in_s = tree.get("fields"), tree.get("expires_in_s")
        if not isinstance(fields, dict) or not isinstance(expires_in_s, int | float):
            raise HTTPException(400)
        fields["by"] = self._gate.user(session).name
        return _outcome(await self._desk.request(str(tree.get("nest", "")), fields, float(expires_in_s)))

    async def _of_request(self, request: Request, session: Session, _tree: Tree) -> Response:
        key = request.path_params["request"]
        match request.path_params["what"]:
            case "cancel":
                return _outcome(await self._desk.cancel(key, self._gate.user(session).name))
            case "again":
                return _outcome(await self._desk.again(key))
        raise HTTPException(404)


def _outcome(outcome: Outcome) -> Response:
    if isinstance(outcome, Refused):
        return JSONResponse({"code": outcome.code, "words": outcome.words}, 409)
    return JSONResponse({})


def _event(name: str, value: object) -> bytes:
    return f"event: {name}\ndata: {json.dumps(value, ensure_ascii=False, separators=(',', ':'))}\n\n".encode()


async def _json_of(request: Request) -> Tree:
    if request.headers.get("content-type", "").split(";")[0] != "application/json":
        raise HTTPException(415)
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _BODY_MAX:
            raise HTTPException(413)
    try:
        tree = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise HTTPException(400) from error
    if not isinstance(tree, dict):
        raise HTTPException(400)
    return tree


class _Headers:
    """Adds to every answer what browsers must be told."""

    def __init__(self, app: ASGIApp, policy: str, *, secure: bool) -> None:
        self._app = app
        headers = {
            "content-security-policy": policy,
            "x-content-type-options": "nosniff",
            "referrer-policy": "no-referrer",
            "cross-origin-opener-policy": "same-origin",
            "cross-origin-resource-policy": "same-origin",
            "permissions-policy": "camera=(), microphone=(), geolocation=()",
        }
        if secure:
            headers["strict-transport-security"] = "max-age=31536000"
        self._headers = [(name.encode(), value.encode()) for name, value in headers.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                known = {name for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *self._headers]
                if b"cache-control" not in known:
                    message["headers"].append((b"cache-control", b"no-cache"))
            await send(message)

        await self._app(scope, receive, with_headers)
