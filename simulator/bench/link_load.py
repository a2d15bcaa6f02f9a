"""A drone that only talks: twenty kinds of messages, each so often a second, over UDP; and what listening to it costs.

The messages are those of a flight, and their fields change as in one, so that nothing can be spared by keeping the last.
"""

import itertools
import json
import math
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from agent.core.errors import DeviceError
from simulator.ports import free_port
from simulator.vehicle.wire import Message, mavlink

_LAT_E7, _LON_E7 = 303_900_000, 1_198_400_000
_START_S: Final = 30.0
_HEARTBEAT: Final = (2, 3, 81, 3, 4, 3)  # a quadrotor with ArduPilot, disarmed, in AUTO


def _flight(t: float) -> list[Message]:
    """One message of each kind at a moment of a flight."""
    ms, us = int(t * 1e3) & 0xFFFFFFFF, int(t * 1e6)
    north, wave = int(50 * t) % 10_000, math.sin(t)
    m = mavlink
    return [
        m.MAVLink_heartbeat_message(*_HEARTBEAT),
        m.MAVLink_attitude_message(ms, 0.1 * wave, 0.05, 0.3, 0.0, 0.0, 0.0),
        m.MAVLink_global_position_int_message(ms, _LAT_E7 + north, _LON_E7, 60_000, 30_000, 500, 0, 0, 9_000),
        m.MAVLink_sys_status_message(0x1FFFFFFF, 0x1FFFFFFF, 0x1FFFFFFF, 300, 24_000 - ms % 500, 1_000, 80, 0, 0, 0, 0, 0, 0),
        m.MAVLink_gps_raw_int_message(us, 3, _LAT_E7 + north, _LON_E7, 60_000, 80, 80, 500, 0, 12),
        m.MAVLink_battery_status_message(0, 0, 1, 2_000, [4_000] * 6 + [65_535] * 4, 1_000, ms % 9_000, 100, 80),
        m.MAVLink_vibration_message(us, 0.1 + 0.01 * wave, 0.1, 0.1, 0, 0, 0),
        m.MAVLink_ekf_status_report_message(831, 0.1 + 0.01 * wave, 0.1, 0.1, 0.1, 0.1),
        m.MAVLink_extended_sys_state_message(0, 2),
        m.MAVLink_mission_current_message(ms // 10_000 % 9, 10, 3, 1),
        m.MAVLink_gimbal_device_attitude_status_message(0, 0, ms, 32, [1.0, 0.0, 0.0, 0.0], 0.0, 0.0, 0.0, 0),
        m.MAVLink_wind_message(10.0 * wave, 3.0, 0.0),
        m.MAVLink_vfr_hud_message(5.0, 5.0, 90, 50, 60.0, 0.0),
        m.MAVLink_attitude_quaternion_message(ms, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
        m.MAVLink_local_position_ned_message(ms, 1.0, 2.0, -30.0, 5.0, 0.0, 0.0),
        m.MAVLink_servo_output_raw_message(us & 0xFFFFFFFF, 0, *[1_500] * 8),
        m.MAVLink_rc_channels_message(ms, 8, *[1_500] * 18, 100),
        m.MAVLink_position_target_global_int_message(ms, 5, 0, _LAT_E7, _LON_E7, 60.0, *[0.0] * 8),
        m.MAVLink_nav_controller_output_message(0.0, 0.0, 0, 0, north // 10, 0.0, 0.0, 0.0),
        m.MAVLink_scaled_imu2_message(ms, *[0] * 9),
    ]


KINDS: Final = len(_flight(0.0))


def _talk(port: int, rate_hz: float, stop: threading.Event) -> None:
    """Sends until told to stop, each message at its own moment."""
    codec: Any = mavlink.MAVLink(None, srcSystem=1, srcComponent=1)
    began_s = time.monotonic()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        for turn in itertools.count():
            for index, message in enumerate(_flight(turn / rate_hz)):
                due_s = began_s + (turn + index / KINDS) / rate_hz
                if stop.wait(max(0.0, due_s - time.monotonic())):
                    return
                out.sendto(message.pack(codec), ("127.0.0.1", port))
                codec.seq = (codec.seq + 1) % 256


@contextmanager
def talking(port: int, rate_hz: float) -> Iterator[None]:
    """A drone that sends each kind of message so often a second, as long as the block lasts."""
    stop = threading.Event()
    thread = threading.Thread(target=_talk, args=(port, rate_hz, stop), name="talking drone")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def listen(rate_hz: float, seconds: float, profile: Path | None = None) -> dict[str, Any]:
    """Lets ``nest-agent link`` listen to that drone, in a process of its own; what it says of itself.

    Args:
        rate_hz: of each of the kinds.
        seconds: how long.
        profile: where the agent writes its profile; a profiled agent is slower.

    Raises:
        DeviceError: the agent did not start or failed; with its words.
    """
    port = free_port(socket.SOCK_DGRAM)
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "nest.yaml"
        config.write_text(
            "nest: {id: bench, pad: {lat: 30.39, lon: 119.84, alt_amsl_m: 30}, site_file: s, routes_dir: r}\n"
            f"store: {{directory: data}}\nvehicle: {{link: 'udp-listen:127.0.0.1:{port}'}}\n",
            encoding="utf-8",
        )
        command = [sys.executable, "-m", "agent", "link", "-c", str(config), "--json", "--seconds", str(seconds)]
        command += ["--profile", str(profile)] if profile else []
        with talking(port, rate_hz):
            ended = subprocess.run(  # noqa: S603 our own command
                command, capture_output=True, text=True, timeout=seconds + _START_S, check=False
            )
    if ended.returncode:
        raise DeviceError("run.process_ended", f"nest-agent link: {ended.stderr.strip().splitlines()[-1:]}")
    watched: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return watched
