"""The vehicle's mission, fence and rally protocol, row by row what was measured on ArduCopter 4.6.3."""

import math

import pytest

from simulator.vehicle.wire import mavlink
from tests.doubles.vehicle_rig import (
    AUTO,
    FENCE,
    HOME,
    MISSION,
    RALLY,
    Rig,
    do,
    home_item,
    item_message,
    polygon,
    takeoff,
)

ACCEPTED, ERROR, NO_SPACE, DENIED, CANCELLED, BAD_SEQUENCE = 0, 1, 4, 14, 15, 13
NAN = math.nan


def plan(rig: Rig, count: int = 3) -> list[dict]:
    points = [dict(zip(("lat", "lon"), rig.offset(10.0 * i, 0.0), strict=True)) for i in range(1, count)]
    return [home_item(), takeoff(), *points]


def test_asks_with_mission_request_takes_item_int_and_reads_back() -> None:
    rig = Rig()
    station = rig.ready()
    items = [home_item(), takeoff(15.004), {"frame": 6, "p": (2.7, 3, 1, NAN), "alt": 12.345}, do(178, 1, 6, -1), do(20)]

    assert station.upload(items) == ACCEPTED
    assert {m.get_type() for m in station.all("MISSION_REQUEST")} == {"MISSION_REQUEST"}
    back = station.download()

    assert [item.command for item in back] == [16, 22, 16, 178, 20]
    assert back[2].frame == 3, "frame 6 reads back as 3"
    assert (back[2].param1, back[2].param2, back[2].param4) == (2.0, 0.0, 0.0), "only a whole hold time is kept"
    assert back[2].z == pytest.approx(12.35, abs=0.006), "altitudes are kept in centimetres"
    assert (back[3].frame, back[3].param1, back[3].param2, back[3].param3) == (0, 1.0, 6.0, -1.0)
    assert (back[0].x, back[0].y) == pytest.approx((round(HOME.lat_deg * 1e7), round(HOME.lon_deg * 1e7)), abs=40), "home"


def test_total_does_not_count_home() -> None:
    rig = Rig()
    station = rig.ready()
    station.upload(plan(rig, 5))
    rig.run(1.0)
    assert (station.last("MISSION_CURRENT").total, station.last("MISSION_CURRENT").mission_state) == (5, 2)


@pytest.mark.parametrize(("kind", "capacity"), [(MISSION, 650), (FENCE, 70), (RALLY, 46)])
def test_more_than_the_capacity_gets_no_space(kind: int, capacity: int) -> None:
    station = Rig().ready()
    station.count(capacity + 1, kind)
    assert station.last("MISSION_ACK").type == NO_SPACE
    station.clear()
    station.count(capacity, kind)
    assert station.last("MISSION_REQUEST").seq == 0


def test_silence_is_asked_again_each_second_and_cancelled_after_eight() -> None:
    rig = Rig()
    station = rig.ready()
    station.clear()
    station.count(3)
    started_s = rig.time_s
    assert rig.run(12.0, lambda: bool(station.all("MISSION_ACK")))
    assert station.last("MISSION_ACK").type == CANCELLED
    assert rig.time_s - started_s == pytest.approx(8.0, abs=0.1)
    assert len(station.all("MISSION_REQUEST")) == 8


def test_a_second_station_is_denied_while_one_uploads() -> None:
    rig = Rig()
    first = rig.ready()
    second = rig.station(254)
    first.count(3)
    second.count(2)
    assert second.last("MISSION_ACK").type == DENIED
    second.send(mavlink.MAVLink_mission_request_list_message(1, 1, MISSION))
    assert [ack.type for ack in second.all("MISSION_ACK")] == [DENIED, DENIED]


def test_out_of_order_is_not_final() -> None:
    rig = Rig()
    station = rig.ready()
    items = plan(rig, 3)
    station.count(len(items))
    station.item(2, **items[2])
    assert station.last("MISSION_ACK").type == BAD_SEQUENCE
    for seq, item in enumerate(items):
        station.item(seq, **item)
    assert station.last("MISSION_ACK").type == ACCEPTED
    station.item(len(items) - 1, **items[-1])
    assert station.last("MISSION_ACK").type == ERROR, "a duplicate after the end"


def test_items_ahead_of_their_requests_are_taken() -> None:
    rig = Rig()
    station = rig.ready()
    items = plan(rig, 40)
    station.count(len(items))
    encoder = mavlink.MAVLink(None, 255, 190)
    burst = b"".join(item_message(seq, **item).pack(encoder) for seq, item in enumerate(items))
    station.send_bytes(burst)
    assert [ack.type for ack in station.all("MISSION_ACK")] == [ACCEPTED]
    assert len(station.download()) == len(items)


BAD = [
    ("unknown command", {"command": 9999}, 3),
    ("local frame", {"frame": 1}, 2),
    ("NaN hold time", {"p": (NAN, 0, 0, 0)}, 6),
    ("NaN in RTL", {"command": 20, "p": (NAN, NAN, NAN, NAN)}, 6),
    ("infinite param 3", {"p": (0, 0, math.inf, 0)}, 8),
    ("latitude 95", {"lat": 95.0}, 10),
    ("longitude 190", {"lon": 190.0}, 11),
    ("NaN altitude", {"alt": NAN}, 12),
]


@pytest.mark.parametrize(("item", "result"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_bad_items_are_refused_each_with_its_result(item: dict, result: int) -> None:
    rig = Rig()
    assert rig.ready().upload([home_item(), takeoff(), item]) == result


NONSENSE = [
    ("0/0", {"lat": 0, "lon": 0}),
    ("-500 m", {"alt": -500}),
    ("5,000 km away", {"lat": -15.0}),
    ("take-off at -10 m", takeoff(-10.0)),
    ("NaN yaw", {"p": (0, 0, 0, NAN)}),
]


@pytest.mark.parametrize("item", [row[1] for row in NONSENSE], ids=[row[0] for row in NONSENSE])
def test_nonsense_is_taken(item: dict) -> None:
    assert Rig().ready().upload([home_item(), takeoff(), item]) == ACCEPTED


def test_a_failed_upload_leaves_what_was_sent() -> None:
    rig = Rig()
    station = rig.ready()
    station.upload(plan(rig, 3))
    assert station.upload([home_item(), takeoff(33.0), {"lat": 95.0}, {}]) == 10
    back = station.download()
    assert len(back) == 4
    assert back[1].z == pytest.approx(33.0)


def test_clear_is_refused_while_the_mission_is_flown() -> None:
    rig = Rig()
    station = rig.airborne()
    station.upload(plan(rig, 4))
    station.mode(AUTO)
    clear = mavlink.MAVLink_mission_clear_all_message(1, 1, MISSION)
    station.send(clear)
    assert station.last("MISSION_ACK").type == ERROR
    station.mode(17)
    station.send(clear)
    assert station.last("MISSION_ACK").type == ACCEPTED
    rig.run(0.5)
    assert station.last("MISSION_CURRENT").mission_state == 1


def test_items_take_effect_live_in_auto() -> None:
    rig = Rig()
    station = rig.airborne()
    station.upload([home_item(), takeoff(), dict(zip(("lat", "lon"), rig.offset(300.0, 0.0), strict=True)), do(20)])
    station.mode(AUTO)
    rig.run(6.0)
    assert rig.autopilot.craft.body.v_north > 1.0
    east = dict(zip(("lat", "lon"), rig.offset(0.0, 300.0), strict=True))
    station.send(mavlink.MAVLink_mission_write_partial_list_message(1, 1, 2, 2, MISSION))
    station.item(2, **east)
    assert rig.run(30.0, lambda: rig.autopilot.craft.body.v_east > 3.0)


def vertices(count: int, said: int, *, lat: float | None = None) -> list[dict]:
    return [
        {
            "frame": 0,
            "command": mavlink.MAV_CMD_NAV_FENCE_POLYGON_VERTEX_INCLUSION,
            "p": (said, 0, 0, 0),
            "lat": HOME.lat_deg + 0.001 * i if lat is None else lat,
            "lon": HOME.lon_deg + 0.001 * (i % 2),
            "alt": 0,
        }
        for i in range(count)
    ]


def circle(radius_m: float) -> list[dict]:
    return [{"frame": 0, "command": mavlink.MAV_CMD_NAV_FENCE_CIRCLE_INCLUSION, "p": (radius_m, 0, 0, 0), "alt": 0}]


FENCES = [
    ("two vertices", vertices(2, 2), ERROR),
    ("wrong count", vertices(4, 5), ERROR),
    ("latitude 95", vertices(4, 4, lat=95.0), ERROR),
    ("radius 0", circle(0.0), ERROR),
    ("radius below 0", circle(-5.0), ERROR),
    ("bow-tie", vertices(4, 4), ACCEPTED),
    ("circle", circle(100.0), ACCEPTED),
]


@pytest.mark.parametrize(("items", "result"), [row[1:] for row in FENCES], ids=[row[0] for row in FENCES])
def test_fences(items: list[dict], result: int) -> None:
    rig = Rig()
    station = rig.ready()
    good = polygon(rig, 100.0)
    station.upload(good, FENCE)
    assert station.upload(items, FENCE) == result
    assert len(station.download(FENCE)) == (len(good) if result == ERROR else len(items)), "a refused fence changes nothing"


def test_rally_points_read_back() -> None:
    rig = Rig()
    station = rig.ready()
    assert station.upload([{"command": 5100, "alt": 25.0}], RALLY) == ACCEPTED
    (back,) = station.download(RALLY)
    assert (back.command, back.frame, back.z, back.autocontinue) == (5100, 3, 25.0, 0)


def test_an_upload_before_the_autopilot_is_ready_gets_no_space() -> None:
    rig = Rig(boot_s=42.0)
    station = rig.station()
    rig.run(1.0)
    station.count(3)
    assert station.last("MISSION_ACK").type == NO_SPACE
    assert rig.run(3.0, lambda: "ArduPilot Ready" in station.texts())
    assert rig.time_s == pytest.approx(2.4, abs=0.1)
    station.count(3)
    assert station.last("MISSION_REQUEST").seq == 0
