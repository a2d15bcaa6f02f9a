"""Who comes in."""

import pytest
from pydantic import SecretStr

from agent.config.desk import DeskUser
from agent.desk.login import FREE_ATTEMPTS, Attempts, Gate, fits, hash_password

STORED = hash_password("fire-watch-7")


def gate(key: str | None = "k" * 32, session_s: float = 60.0, stored: str = STORED) -> Gate:
    return Gate({"anna": DeskUser(name="Anna Li", password=SecretStr(stored))}, key, session_s)


def test_the_password_fits_its_hash_and_no_other_does() -> None:
    assert fits("fire-watch-7", STORED)
    assert not fits("fire-watch-8", STORED)
    assert hash_password("fire-watch-7") != STORED


@pytest.mark.parametrize(
    "stored",
    ["", "fire-watch-7", "scrypt$x$y", "scrypt$AAAA", "md5$" + STORED.removeprefix("scrypt$")],
    ids=["nothing", "plain", "odd", "short", "another kind"],  # the hash has a random salt
)
def test_what_is_no_hash_fits_nothing(stored: str) -> None:
    assert not fits("fire-watch-7", stored)


def test_a_session_is_proved_by_its_cookie() -> None:
    session, cookie = gate().open("anna")
    assert gate().session(cookie) == session
    assert gate().session(cookie + "x") is None
    assert gate().session(None) is None
    assert gate("another key").session(cookie) is None


def test_a_session_ends_with_its_time_and_with_the_password() -> None:
    _, cookie = gate().open("anna")
    assert gate(session_s=-1.0).session(cookie) is None
    assert gate(stored=hash_password("new")).session(cookie) is None
    assert Gate({}, "k" * 32, 60.0).session(cookie) is None


def test_a_login_that_does_not_exist_is_wrong_like_any_other() -> None:
    assert not gate().check("nobody", "fire-watch-7")
    assert gate().check("anna", "fire-watch-7")


def test_the_wait_doubles_after_some_failures_and_ends_with_a_success() -> None:
    attempts = Attempts()
    for _ in range(FREE_ATTEMPTS):
        assert attempts.wait_s("anna", 100.0) == 0.0
        attempts.failed("anna", 100.0)
    first_s = attempts.wait_s("anna", 100.0)
    assert first_s > 0.0
    attempts.failed("anna", 200.0)
    assert attempts.wait_s("anna", 200.0) == pytest.approx(2 * first_s)
    assert attempts.wait_s("wei", 200.0) == 0.0
    attempts.succeeded("anna")
    assert attempts.wait_s("anna", 200.0) == 0.0
