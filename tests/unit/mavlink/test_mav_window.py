"""How many packets are under way: what the link carries, no more and not much less."""

import heapq

import pytest

from agent.mavlink.exchange import RoundTrip
from agent.mavlink.window import Window


def settled(pace_s: float, trip_s: float, packets: int = 400) -> tuple[Window, float]:
    """Sends packets as the window allows over a link of that pace (s a packet) and round trip; also the time it took."""
    window, now_s, free_s = Window(RoundTrip()), 0.0, 0.0
    under_way: list[tuple[float, int]] = []
    sent = 0
    while sent < packets or under_way:
        while sent < packets and len(under_way) < window.size:
            free_s = max(free_s, now_s) + pace_s
            heapq.heappush(under_way, (free_s + trip_s, window.sent(now_s)))
            sent += 1
        now_s, number = heapq.heappop(under_way)
        window.answered(number, now_s)
    return window, now_s


@pytest.mark.parametrize(("pace_s", "trip_s"), [(0.0085, 0.1), (0.0085, 0.4), (0.05, 0.1), (0.001, 0.05), (0.0001, 0.002)])
def test_it_fills_the_link_without_a_queue_to_speak_of(pace_s: float, trip_s: float) -> None:
    window, took_s = settled(pace_s, trip_s)
    carried = (trip_s + pace_s) / pace_s
    assert carried <= window.size <= carried + 0.025 / pace_s + 4
    assert took_s < 400 * pace_s + 6 * trip_s + 0.1


def test_on_a_link_without_limit_it_grows_with_each_round() -> None:
    window, took_s = settled(0.0, 0.1)
    assert window.size == 256
    assert took_s < 0.65, "one by one it would take 40 s"


def test_time_outs_follow_the_answers_and_cover_what_waits_in_our_own_buffers() -> None:
    window, _ = settled(0.05, 0.1)
    assert window.timeout_s() > 0.15
    fast, _ = settled(0.0001, 0.001)
    assert fast.timeout_s() == pytest.approx(0.03)


def test_losses_bound_what_is_sent_ahead_but_not_below_what_repairs_itself() -> None:
    window, _ = settled(0.0, 0.01)
    for _ in range(40):
        for _ in range(4):
            window.answered(window.sent(1.0), 1.01)
        window.went_back()
    assert window.size == 16
    for _ in range(60):
        window.answered(window.sent(2.0), 2.01)
    assert window.size > 100, "a long run without loss opens it again"


def test_one_by_one_stays_one_by_one() -> None:
    window = Window(RoundTrip(), one_by_one=True)
    for n in range(50):
        assert window.size == 1
        window.answered(window.sent(n * 0.1), n * 0.1 + 0.05)
