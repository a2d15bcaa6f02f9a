"""A real HTTP client on the camera's server; a real video; a real MAVLink peer."""

import http.client
import json
import math
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from agent.core.clock import Clock, TimeBase
from agent.core.errors import ConfigError
from agent.core.geo import LatLon, LocalFrame
from simulator.camera.frames import ClipSource, FrameSource, RenderedSource
from simulator.camera.optics import encode_jpeg
from simulator.camera.pose import PoseTrack
from simulator.camera.projection import Lens
from simulator.camera.rgb import Renderer
from simulator.camera.service import TruthLog, run_capture
from simulator.camera.stream import Channel, StreamServer
from simulator.camera.telemetry import SYSTEM_ID, VehicleListener, open_socket, receive
from simulator.world.config import Place, WorldConfig
from simulator.world.scene import World

TIMEOUT_S = 20.0
FRAME = LocalFrame(LatLon(30.39, 119.84))


@contextmanager
def serving(source: FrameSource, period_s: float = 0.02, base: TimeBase | None = None, log: TruthLog | None = None):
    """The camera's server and capture loop, as the command runs them."""
    channel, stop = Channel(), threading.Event()
    server = StreamServer("127.0.0.1", 0, channel, dict)
    server.start()
    loop = threading.Thread(target=run_capture, args=(source, channel, period_s, base or TimeBase(), stop, log))
    loop.start()
    try:
        yield server.port
    finally:
        stop.set()
        loop.join()
        server.close()


def get(port: int, path: str) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
    connection.request("GET", path)
    return connection.getresponse()


def parts(response: http.client.HTTPResponse) -> Iterator[tuple[float, bytes]]:
    """Capture time and JPEG of each part, until the server ends the stream."""
    while line := response.readline():
        assert line.startswith(b"--")
        headers = {}
        while line := response.readline().strip():
            name, _, value = line.decode().partition(": ")
            headers[name] = value
        yield float(headers["X-Timestamp"]), response.read(int(headers["Content-Length"]))
        response.readline()


def fault(port: int, body: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
    connection.request("POST", "/fault", body)
    return connection.getresponse().status


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """Twelve frames whose gray level is 20 times their number."""
    path = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25.0, (64, 48))
    for number in range(12):
        writer.write(np.full((48, 64, 3), 20 * number, np.uint8))
    writer.release()
    return path


def level(jpeg: bytes) -> float:
    return float(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR).mean())


def test_a_clip_is_played_once_to_its_end_with_rising_stamps(video: Path):
    source = ClipSource(video, Clock(), loop=False)
    assert source.fps == pytest.approx(25.0)

    with serving(source) as port:
        shown = list(parts(get(port, "/stream.mjpg")))

    stamps = [stamp for stamp, _ in shown]
    levels = [level(jpeg) for _, jpeg in shown]
    assert len(shown) >= 8
    assert stamps == sorted(set(stamps))
    assert levels == sorted(levels)
    assert levels[-1] == pytest.approx(220.0, abs=4.0)


def test_a_looped_folder_begins_again(tmp_path: Path):
    for number in range(3):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((32, 32, 3), 80 * number, np.uint8))
    (tmp_path / "notes.txt").write_text("no picture")

    with serving(ClipSource(tmp_path, Clock(), loop=True)) as port:
        stream = parts(get(port, "/"))
        levels = [round(level(next(stream)[1]) / 80) for _ in range(12)]

    assert set(levels) == {0, 1, 2}
    assert any(later < earlier for earlier, later in pairwise(levels))


def test_two_clients_and_a_snapshot_at_once(video: Path):
    with serving(ClipSource(video, Clock(), loop=True)) as port:
        first, second = parts(get(port, "/stream.mjpg")), parts(get(port, "/video"))
        assert next(first)
        assert next(second)
        snapshot = get(port, "/snapshot.jpg")
        picture = snapshot.read()
        health = json.loads(get(port, "/health").read())

    assert float(snapshot.headers["X-Timestamp"]) > 0.0
    assert picture.startswith(b"\xff\xd8")
    assert health["ready"] is True
    assert health["clients"] == 2


def test_faults_break_and_mend_the_stream(video: Path):
    with serving(ClipSource(video, Clock(), loop=True)) as port:
        stream = parts(get(port, "/stream.mjpg"))
        next(stream)
        assert fault(port, '{"kind": "freeze"}') == 200
        next(stream)  # one may have been on its way
        frozen = [next(stream) for _ in range(4)]
        assert len({jpeg for _, jpeg in frozen}) == 1
        assert len({stamp for stamp, _ in frozen}) == 4

        assert fault(port, '{"kind": "black"}') == 200
        next(stream)
        assert level(next(stream)[1]) < 1.0

        assert fault(port, '{"kind": "stop"}') == 200
        assert get(port, "/stream.mjpg").status == 503
        assert fault(port, '{"kind": "none"}') == 200
        assert next(parts(get(port, "/stream.mjpg")))


@pytest.mark.parametrize("body", ['{"kind": "melt"}', "{}", "not json", "[1]", '{"kind": ["freeze"]}'])
def test_a_wrong_fault_is_refused(video: Path, body: str):
    with serving(ClipSource(video, Clock(), loop=True)) as port:
        assert fault(port, body) == 400
        assert json.loads(get(port, "/health").read())["fault"] == "none"


def test_an_unknown_path_says_what_there_is(video: Path):
    with serving(ClipSource(video, Clock(), loop=True)) as port:
        response = get(port, "/nothing")

        assert response.status == 404
        assert b"/stream.mjpg" in response.read()


def test_what_is_no_clip_is_refused(tmp_path: Path):
    file = tmp_path / "x.mp4"
    file.write_bytes(b"no video")
    for path in (tmp_path / "empty", file, tmp_path / "absent.avi"):
        if path.name == "empty":
            path.mkdir()
        with pytest.raises(ConfigError, match="no picture"):
            ClipSource(path, Clock(), loop=False)


class Vehicle:
    """A MAVLink peer that says where it is."""

    def __init__(self, port: int) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.settimeout(TIMEOUT_S)
        self.port, self.mav = port, mavlink.MAVLink(None, srcSystem=1, srcComponent=1)
        self.heard = mavlink.MAVLink(None)

    def send(self, message: object) -> None:
        self.socket.sendto(message.pack(self.mav), ("127.0.0.1", self.port))

    def hear(self):
        while True:
            yield from self.heard.parse_buffer(self.socket.recv(2048)) or ()


def sim_state(place: LatLon, alt_m: float, yaw_rad: float):
    exact = round(place.lat_deg * 1e7), round(place.lon_deg * 1e7)
    return mavlink.MAVLink_sim_state_message(
        1, 0, 0, 0, 0, 0, yaw_rad, 0, 0, 0, 0, 0, 0, place.lat_deg, place.lon_deg, alt_m, 0, 0, 0, 0, 0, *exact
    )


def gimbal(pitch_deg: float, yaw_deg: float, flags: int):
    p, y = math.radians(pitch_deg) / 2, math.radians(yaw_deg) / 2
    q = [math.cos(y) * math.cos(p), -math.sin(y) * math.sin(p), math.cos(y) * math.sin(p), math.sin(y) * math.cos(p)]
    return mavlink.MAVLink_gimbal_device_attitude_status_message(0, 0, 0, flags, q, 0, 0, 0, 0)


@contextmanager
def listening(default_pitch_deg: float = -30.0):
    track = PoseTrack()
    listener = VehicleListener("udpin:127.0.0.1:0", FRAME, Clock(), track, default_pitch_deg)
    listener.start()
    vehicle = Vehicle(listener.port)
    try:
        yield vehicle, track
    finally:
        vehicle.socket.close()
        listener.close()


def newest_camera(track: PoseTrack, after_s: float = 0.0):
    """The camera at the newest pose, once there is one later than a moment."""
    done = threading.Event()
    for _ in range(2000):
        if (track.newest_s or 0.0) > after_s:
            return track.at(track.newest_s).camera(Lens())
        done.wait(0.01)
    raise AssertionError("no pose arrived")


def test_the_camera_follows_the_true_pose_and_the_gimbal():
    with listening() as (vehicle, track):
        place = FRAME.to_latlon(120.0, -40.0)
        vehicle.send(gimbal(-45.0, 0.0, flags=0))
        vehicle.send(sim_state(place, 90.0, math.radians(60.0)))
        camera = newest_camera(track)

        assert camera.position_m == pytest.approx([-40.0, 120.0, 90.0], abs=0.05)
        assert (camera.yaw_deg, camera.pitch_deg) == pytest.approx((60.0, -45.0), abs=0.01)


def test_a_gimbal_that_holds_north_ignores_the_heading():
    with listening() as (vehicle, track):
        vehicle.send(gimbal(-20.0, 10.0, flags=16))
        vehicle.send(sim_state(FRAME.origin, 50.0, math.radians(90.0)))

        assert newest_camera(track).yaw_deg == pytest.approx(10.0, abs=0.01)


def test_without_truth_the_estimated_position_is_used():
    with listening(default_pitch_deg=-70.0) as (vehicle, track):
        vehicle.send(mavlink.MAVLink_attitude_message(0, 0, 0, math.radians(30.0), 0, 0, 0))
        vehicle.send(mavlink.MAVLink_global_position_int_message(0, 303900000, 1198400000, 77_000, 0, 0, 0, 0, 3000))
        camera = newest_camera(track)

        assert camera.position_m == pytest.approx([0.0, 0.0, 77.0], abs=0.05)
        assert (camera.yaw_deg, camera.pitch_deg) == pytest.approx((30.0, -70.0), abs=0.01)


def test_it_speaks_under_its_own_name_and_asks_for_the_rates():
    with listening() as (vehicle, _):
        beat = mavlink.MAVLink_heartbeat_message(2, mavlink.MAV_AUTOPILOT_ARDUPILOTMEGA, 0, 0, 4, 3)
        vehicle.send(beat)
        asked: set[int] = set()
        for message in vehicle.hear():
            assert message.get_srcSystem() == SYSTEM_ID != 255
            if message.get_type() == "COMMAND_LONG":
                assert (message.command, message.target_system) == (mavlink.MAV_CMD_SET_MESSAGE_INTERVAL, 1)
                asked.add(int(message.param1))
            if len(asked) == 4:
                break

    assert mavlink.MAVLINK_MSG_ID_SIM_STATE in asked


def test_noise_on_the_wire_does_no_harm():
    with listening() as (vehicle, track):
        for junk in (b"", b"\xfd", b"\xfd\x05\x00" + bytes(range(60)), bytes(range(256)) * 4):
            vehicle.socket.sendto(junk, ("127.0.0.1", vehicle.port))
        vehicle.send(sim_state(FRAME.origin, 50.0, 0.0))

        assert newest_camera(track).position_m[2] == pytest.approx(50.0)


def test_a_datagram_read_late_keeps_the_time_of_its_arrival():
    listening_socket = open_socket("udpin:127.0.0.1:0")
    with listening_socket, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        before = time.time()
        sender.sendto(b"pose", listening_socket.getsockname())
        sent = time.time()
        threading.Event().wait(0.3)  # the reader is busy

        received = receive(listening_socket)

    assert received is not None
    assert received[0] == b"pose"
    assert before - 0.01 <= received[2] <= sent + 0.1


@pytest.mark.parametrize("address", ["udp:1.2.3.4:5", "udpin:host", "udpin:127.0.0.1:x", ""])
def test_a_wrong_vehicle_address_is_refused(address: str):
    with pytest.raises(ConfigError, match="udpin"):
        VehicleListener(address, FRAME, Clock(), PoseTrack())


def test_the_rendered_world_streams_with_truth_beside_it(tmp_path: Path):
    config = WorldConfig(place=Place(lat_deg=30.39, lon_deg=119.84), size_m=800.0, texture_m=1.0)
    clock = Clock(TimeBase(4.0, 1_000_000.0))
    source = RenderedSource(Renderer(World(config)), Lens(320, 176), PoseTrack(), clock, clock.unix_s())

    with TruthLog(tmp_path, lambda _: []) as log, serving(source, 0.2, TimeBase(4.0), log) as port:
        stream = parts(get(port, "/stream.mjpg"))
        shown = [next(stream) for _ in range(3)]

    stamps = [stamp for stamp, _ in shown]
    truth = [json.loads(line) for line in (tmp_path / "frames.jsonl").read_text().splitlines()]
    assert stamps == sorted(set(stamps))
    assert {round(stamp, 3) for stamp in stamps} <= {round(line["unix_s"], 3) for line in truth}
    assert truth[0]["pose"]["lat_deg"] == pytest.approx(30.39, abs=1e-6)
    assert cv2.imdecode(np.frombuffer(shown[0][1], np.uint8), cv2.IMREAD_COLOR).shape == (176, 320, 3)
    assert encode_jpeg(np.zeros((4, 4, 3), np.uint8), 90).startswith(b"\xff\xd8")
