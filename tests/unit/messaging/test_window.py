"""How much may be under way to the broker."""

from agent.config.hub import WINDOW_BYTES
from agent.messaging.window import UnderWay, Window
from agent.store.outbox import Queued
from tests.doubles.hub import message


def _under_way(seq: int, size_bytes: int = 1000, at_s: float = 0.0) -> UnderWay:
    return UnderWay(Queued(seq, message(f"m{seq}"), 0.0, 0), size_bytes, at_s, 0.0)


def _window(inflight_max: int = 20) -> Window:
    window = Window(patience_s=30.0, uplink_bytes_per_s=8000.0)
    window.opened(inflight_max)
    return window


def test_there_is_room_for_as_many_as_the_broker_takes() -> None:
    window = _window(2)
    window.sent(1, _under_way(1))
    assert window.room(0.0) == 1
    window.sent(2, _under_way(2))
    assert window.room(0.0) == 0
    assert window.answered(1) is not None
    assert window.room(0.0) == 1


def test_pictures_wait_for_the_line_and_alerts_do_not() -> None:
    window = _window()
    assert window.fits(10 * WINDOW_BYTES), "what is larger than the window goes alone"
    window.sent(1, _under_way(1, 200_000))
    assert not window.fits(200_000)
    assert window.fits(2_000)
    window.answered(1)
    assert window.fits(200_000)


def test_an_acknowledgement_may_take_as_long_as_the_bytes_on_a_slow_line() -> None:
    window = _window()
    window.sent(1, _under_way(1, 1000))
    assert window.overdue_s(30.0) is None
    assert window.overdue_s(31.0) == 31.0
    window.sent(2, _under_way(2, 200_000))
    assert window.overdue_s(54.0) is None
    assert window.overdue_s(56.0) == 56.0


def test_while_a_broker_takes_no_more_nothing_goes_and_then_one_to_see() -> None:
    window = _window()
    window.hold(10.0)
    assert (window.room(9.0), window.holding) == (0, True)
    assert window.room(10.0) == 1
    window.taken(1)
    assert (window.room(10.0), window.holding) == (20, False)


def test_what_breaks_the_connection_again_and_again_is_found() -> None:
    window = _window()
    for n in range(3):
        window.opened(20)
        for seq in (1, 2) if n < 2 else (1,):
            window.sent(seq, _under_way(seq, at_s=10.0 * n))
        window.closed(10.0 * n + 1.0)
        assert window.room(100.0) == 0, "there is no connection"
    window.opened(20)
    assert window.room(100.0) == 1, "one at a time while there are suspects"
    assert [window.is_guilty(seq) for seq in (1, 2)] == [True, False]
    window.taken(2)
    window.forget(1)
    assert window.room(100.0) == 20
