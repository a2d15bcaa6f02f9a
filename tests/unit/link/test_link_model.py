"""A bad link is as bad as it says, and equally bad for the same seed."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.errors import ConfigError
from simulator.link.model import Direction, Impairment, LinkModel
from simulator.link.packets import WAIT_S, Packets
from simulator.vehicle.wire import mavlink

shares = st.floats(0.0, 1.0)
impairments = st.builds(
    Impairment,
    loss=shares,
    delay_s=st.floats(0.0, 2.0),
    jitter_s=st.floats(0.0, 1.0),
    duplicate=shares,
    reorder=shares,
    corrupt=shares,
    baud=st.sampled_from([0.0, 9600.0, 57600.0]),
    buffer_bytes=st.integers(0, 8000),
)
packets = st.lists(st.tuples(st.floats(0.0, 0.5), st.binary(min_size=1, max_size=280)), max_size=40)


def carried(direction: Direction, sent: list[tuple[float, bytes]]) -> list[tuple[float, bytes]]:
    """Sends packets, each so long after the one before; what arrives, by time."""
    now_s, arrived = 0.0, []
    for pause_s, data in sent:
        now_s += pause_s
        arrived += [(d.at_s, d.data) for d in direction.offer(data, now_s)]
    return sorted(arrived, key=lambda pair: pair[0])


def every(count: int, interval_s: float = 0.1) -> list[tuple[float, bytes]]:
    return [(interval_s, n.to_bytes(4, "big")) for n in range(count)]


@given(impairments, packets, st.integers(0, 1000), st.booleans())
@settings(max_examples=150, deadline=None)
def test_the_same_seed_is_the_same_link(how: Impairment, sent: list[tuple[float, bytes]], seed: int, stream: bool) -> None:
    one, two = (carried(Direction(how, seed, stream=stream), sent) for _ in range(2))
    assert one == two


@given(impairments, packets, st.integers(0, 1000))
@settings(max_examples=150, deadline=None)
def test_every_packet_is_counted_once_and_none_comes_before_it_was_sent(
    how: Impairment, sent: list[tuple[float, bytes]], seed: int
) -> None:
    direction = Direction(how, seed)
    now_s = 0.0
    for pause_s, data in sent:
        now_s += pause_s
        assert all(d.at_s >= now_s + how.delay_s for d in direction.offer(data, now_s))
    counts = direction.counts
    assert counts.packets == len(sent)
    assert counts.cut + counts.overflowed + counts.lost + counts.damaged <= counts.packets


@given(packets, st.floats(0.0, 1.0))
@settings(max_examples=100, deadline=None)
def test_jitter_alone_neither_loses_nor_reorders(sent: list[tuple[float, bytes]], jitter_s: float) -> None:
    arrived = carried(Direction(Impairment(jitter_s=jitter_s), 1), sent)
    assert [data for _, data in arrived] == [data for _, data in sent]


def test_shares_are_shares_of_the_packets() -> None:
    how = Impairment(loss=0.2, duplicate=0.1, corrupt=0.05, reorder=0.1)
    direction = Direction(how, 3)
    arrived = carried(direction, every(10_000, 0.01))
    assert direction.counts.lost == pytest.approx(2000, rel=0.1)
    assert direction.counts.doubled == pytest.approx(800, rel=0.15)
    assert direction.counts.damaged == pytest.approx(400, rel=0.2)
    numbers = [int.from_bytes(data, "big") for _, data in arrived if len(data) == 4]
    assert sum(one > two for one, two in itertools.pairwise(numbers)) > 500, "some overtake others"


def test_a_radio_of_57600_baud_carries_5760_bytes_a_second_and_no_more() -> None:
    direction = Direction(Impairment(baud=57_600, delay_s=0.05, buffer_bytes=10_000), 1)
    arrived = [d for _ in range(100) for d in direction.offer(bytes(50), 0.0)]
    assert arrived[0].at_s == pytest.approx(0.05 + 50 / 5760)
    assert arrived[-1].at_s == pytest.approx(0.05 + 5000 / 5760)


def test_what_the_buffer_does_not_hold_is_lost() -> None:
    direction = Direction(Impairment(baud=57_600, buffer_bytes=500), 1)
    for _ in range(100):
        direction.offer(bytes(50), 0.0)
    assert direction.counts.overflowed == 90
    assert direction.offer(bytes(50), 0.1), "it has drained by then"


def test_a_cut_takes_all_and_leaves_the_fate_of_the_rest_as_it_was() -> None:
    whole = carried(Direction(Impairment(loss=0.3), 5), every(300))
    cut = carried(Direction(Impairment(loss=0.3, cuts=((10.0, 20.0),)), 5), every(300))
    assert cut == [(at_s, data) for at_s, data in whole if not 10.0 <= at_s < 20.0]
    assert len(cut) < len(whole)


def test_a_link_can_be_cut_while_it_runs() -> None:
    model = LinkModel.alike(Impairment(), 1)
    model.cut(1.0, 2.0)
    assert [bool(model.to_agent.offer(b"x", at_s)) for at_s in (0.9, 1.0, 1.9, 2.0)] == [True, False, False, True]


def test_the_two_ways_have_their_own_chance() -> None:
    model = LinkModel.alike(Impairment(loss=0.5), 1)
    fates = [[bool(way.offer(b"x", n * 0.1)) for n in range(50)] for way in (model.to_vehicle, model.to_agent)]
    assert fates[0] != fates[1]


def test_the_form_of_the_command_line() -> None:
    read = Impairment.parse("loss=0.05, delay_s=0.05,baud=57600,buffer_bytes=2000,cuts=30:50;80:90")
    assert read == Impairment(loss=0.05, delay_s=0.05, baud=57_600, buffer_bytes=2000, cuts=((30.0, 50.0), (80.0, 90.0)))
    assert Impairment.parse("") == Impairment()


@pytest.mark.parametrize(
    "text",
    ["los=0.1", "loss", "loss=x", "loss=1.2", "loss=nan", "delay_s=-1", "baud=inf", "cuts=5", "cuts=9:3", "buffer_bytes=1.5"],
)
def test_a_wrong_form_is_named(text: str) -> None:
    with pytest.raises(ConfigError, match=r"config\.invalid"):
        Impairment.parse(text)


# -- packets of a stream -----------------------------------------------------------------------------------------------------


def frames(count: int) -> list[bytes]:
    codec = mavlink.MAVLink(None, srcSystem=1, srcComponent=1)
    return [bytes(mavlink.MAVLink_statustext_message(6, bytes([65 + n]) * (n + 1)).pack(codec)) for n in range(count)]


@given(st.lists(st.integers(1, 60), min_size=1, max_size=40))
@settings(max_examples=100, deadline=None)
def test_a_stream_is_cut_into_frames_however_it_is_read(sizes: list[int]) -> None:
    sent, cutter, found = frames(12), Packets(), []
    rest = b"".join(sent)
    for size in [*sizes, len(rest)]:
        piece, rest = rest[:size], rest[size:]
        found += cutter.feed(piece, 0.0)
    assert found == sent
    assert not cutter.waiting


@given(st.lists(st.binary(max_size=50), max_size=20))
@settings(max_examples=100, deadline=None)
def test_no_byte_is_lost_or_invented(pieces: list[bytes]) -> None:
    cutter = Packets()
    found = [packet for piece in pieces for packet in cutter.feed(piece, 0.0)]
    found.append(cutter.stale(WAIT_S))
    assert b"".join(found) == b"".join(pieces)


def test_a_frame_that_does_not_end_is_passed_on_after_a_while() -> None:
    cutter = Packets()
    assert cutter.feed(frames(1)[0][:9], 1.0) == []
    assert cutter.stale(1.0 + WAIT_S / 2) == b""
    assert cutter.stale(1.0 + WAIT_S) == frames(1)[0][:9]
