"""Who sits at the desk: password hashes, limited attempts, signed sessions. Knows no web framework.

Hashes are scrypt (RFC 7914) with n = 2^15, r = 8, p = 1: 32 MB and about a tenth of a second for each guess.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from dataclasses import dataclass

from itsdangerous import BadData, URLSafeTimedSerializer

from agent.config.desk import DeskUser

_N, _R, _P, _LENGTH = 2**15, 8, 1, 32
_MAXMEM = 64 * 1024 * 1024
FREE_ATTEMPTS = 5
_FIRST_WAIT_S = 5.0
_LONGEST_WAIT_S = 900.0
_REMEMBERED_S = 3600.0
_NAMES_MAX = 10_000


def hash_password(password: str) -> str:
    """``scrypt$SALT$HASH`` in base64."""
    salt = secrets.token_bytes(16)
    return "$".join(("scrypt", *(base64.b64encode(part).decode() for part in (salt, _scrypt(password, salt)))))


def fits(password: str, stored: str) -> bool:
    """Whether a password is that of a hash."""
    try:
        name, salt, expected = stored.split("$")
        known = base64.b64decode(expected, validate=True)
        found = _scrypt(password, base64.b64decode(salt, validate=True))
    except (ValueError, binascii.Error):
        return False
    return name == "scrypt" and hmac.compare_digest(found, known)


def _scrypt(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=_N, r=_R, p=_P, dklen=_LENGTH, maxmem=_MAXMEM)


_NOBODY = hash_password(secrets.token_hex(16))


class Attempts:
    """How often somebody may try. After five failures each further one doubles the wait, by login and by address."""

    def __init__(self) -> None:
        self._failed: dict[str, tuple[int, float]] = {}

    def wait_s(self, name: str, now_s: float) -> float:
        """Seconds until this name may try again; 0: at once."""
        count, at_s = self._failed.get(name, (0, 0.0))
        if count < FREE_ATTEMPTS:
            return 0.0
        pause_s = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2.0 ** min(count - FREE_ATTEMPTS, 20))
        return max(0.0, at_s + pause_s - now_s)

    def failed(self, name: str, now_s: float) -> None:
        """One more failure."""
        count, _ = self._failed.pop(name, (0, 0.0))
        self._failed[name] = (count + 1, now_s)
        old = [n for n, (_, at_s) in self._failed.items() if now_s - at_s > _REMEMBERED_S]
        for gone in old or list(self._failed)[: max(0, len(self._failed) - _NAMES_MAX)]:
            del self._failed[gone]

    def succeeded(self, name: str) -> None:
        """The slate is clean."""
        self._failed.pop(name, None)


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who is logged in. csrf must come back with everything that does something."""

    login: str
    csrf: str


class Gate:
    """Logins and sessions.

    Args:
        users: by login.
        key: signs the sessions; None: one of this run.
        session_s: so long a session holds.
    """

    def __init__(self, users: dict[str, DeskUser], key: str | None, session_s: float) -> None:
        self._users = users
        self._session_s = session_s
        self._signer = URLSafeTimedSerializer(key or secrets.token_urlsafe(32), salt="nest-desk-session")
        self.attempts = Attempts()

    def check(self, login: str, password: str) -> bool:
        """Whether login and password belong together. Takes as long for a login that does not exist. Blocks for 0.1 s."""
        user = self._users.get(login)
        right = fits(password, user.password.get_secret_value() if user else _NOBODY)
        return right and user is not None

    def user(self, session: Session) -> DeskUser:
        """Who that is."""
        return self._users[session.login]

    def open(self, login: str) -> tuple[Session, str]:
        """A new session, and the cookie that proves it."""
        session = Session(login, secrets.token_urlsafe(18))
        password = self._users[login].password.get_secret_value()
        return session, self._signer.dumps([session.login, session.csrf, _mark(password)])

    def session(self, cookie: str | None) -> Session | None:
        """Whose cookie that is; None: nobody's, too old, or of a password that was changed."""
        try:
            login, csrf, mark = self._signer.loads(cookie or "", max_age=int(self._session_s))
        except (BadData, ValueError, TypeError):
            return None
        user = self._users.get(login)
        if user is None or not hmac.compare_digest(mark, _mark(user.password.get_secret_value())):
            return None
        return Session(login, csrf)


def _mark(stored: str) -> str:
    return hashlib.sha256(stored.encode()).hexdigest()[:16]
