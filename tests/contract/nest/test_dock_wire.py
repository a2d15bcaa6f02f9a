"""What only wires can do: garbage, silence in the middle, foreign devices, a PLC that stands still."""

import asyncio
import json
import struct
from contextlib import asynccontextmanager

import pytest

from agent.config.nest import DockSection, WeatherSection
from agent.core.bus import Bus
from agent.core.clock import Clock
from agent.core.errors import ConfigError, DeviceError, LinkError, NestError, ProtocolError
from agent.core.outcome import Accepted
from agent.domain.codes import codes
from agent.domain.nest_state import DockState, DronePresence, LidState, Weather
from agent.nest.http_weather import HttpWeather
from agent.nest.interface import Movement
from agent.nest.modbus_dock import ModbusDock
from agent.nest.station import open_station
from tests.contract.nest.conftest import free_ports, wire_rig

# Answers of a broken PLC to any request: (transaction id, unit, function) -> bytes.
# ruff: noqa: ARG005
BROKEN_ANSWERS = {
    "closes at once": lambda tid, unit, fn: None,
    "noise": lambda tid, unit, fn: b"\xff" * 40,
    "another protocol id": lambda tid, unit, fn: struct.pack(">HHHBB", tid, 7, 3, unit, fn) + b"\x00",
    "another transaction": lambda tid, unit, fn: struct.pack(">HHHBBHH", tid ^ 0x55, 0, 6, unit, fn, 0, 1),
    "another unit": lambda tid, unit, fn: struct.pack(">HHHBBHH", tid, 0, 6, unit ^ 1, fn, 0, 1),
    "cut short": lambda tid, unit, fn: struct.pack(">HHHB", tid, 0, 6, unit),
    "length that lies": lambda tid, unit, fn: struct.pack(">HHHBBB", tid, 0, 4, unit, 4, 200) + b"\x01",
    "illegal function": lambda tid, unit, fn: struct.pack(">HHHBBB", tid, 0, 3, unit, fn | 0x80, 1),
    "unknown function": lambda tid, unit, fn: struct.pack(">HHHBB", tid, 0, 2, unit, 0x66),
}


@pytest.mark.parametrize("name", BROKEN_ANSWERS)
async def test_a_broken_plc_is_a_code_and_never_a_crash(name, caplog):
    make = BROKEN_ANSWERS[name]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while header := await reader.read(260):
            tid, _, _, unit, function = struct.unpack(">HHHBB", header[:8])
            answer = make(tid, unit, function)
            if answer is None:
                break
            writer.write(answer)

    # asyncio hands an error inside the library's parser to the loop's handler, and closes the connection.
    asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
    async with tcp_server(serve) as port, ModbusDock(DockSection(port=port, response_timeout_s=1.0)) as dock:
        for _ in range(2):
            with pytest.raises(NestError) as error:
                await dock.read()
            assert error.value.code in {"dock.unreachable", "dock.protocol"}


async def test_nobody_listens():
    async with ModbusDock(DockSection(port=free_ports(1)[0])) as dock:
        with pytest.raises(LinkError, match="cannot be reached"):
            await dock.read()


async def test_a_foreign_device_is_named(wired):
    wired.simulated.plc.inputs[0] = 0x1234
    with pytest.raises(ProtocolError, match="0x1234"):
        await wired.dock.read()


@pytest.mark.parametrize(("index", "value"), [(4, 1001), (6, 60000), (5, 30000)])
async def test_an_impossible_value_is_not_believed(wired, index, value):
    await wired.dock.read()
    wired.simulated.box.faults.change("plc_stopped", active=True)
    wired.simulated.plc.inputs[index] = value
    with pytest.raises(ProtocolError):
        await wired.dock.read()


async def test_a_plc_that_stands_still_is_found_and_forgets_what_was_asked(wired):
    await asyncio.sleep(0.2)
    await wired.dock.read()
    wired.simulated.box.faults.change("plc_stopped", active=True)
    with pytest.raises(DeviceError) as error:
        await _read_for(wired.dock, 10.0)
    assert error.value.code == "dock.plc_stopped"
    with pytest.raises(ProtocolError):
        await wired.dock.command(Movement.LID_OPEN)
    assert wired.simulated.plc.holding[1] == 0  # withdrawn: a PLC that does not clear its requests must not find it either
    wired.simulated.box.faults.change("none", active=True)
    await asyncio.sleep(1.0)
    assert (await wired.dock.read()).lid is LidState.CLOSED  # nobody opens the lid minutes later


async def test_the_watchdog_stops_the_lid_when_the_agent_dies(wired):
    await asyncio.sleep(0.2)
    await wired.dock.read()
    wired.simulated.box.lid.travel_s = 200.0
    await wired.dock.command(Movement.LID_OPEN)
    await asyncio.sleep(30.0)  # the agent is gone for half a minute
    state = await wired.dock.read()
    assert state.lid is LidState.STOPPED
    assert "dock.watchdog" in state.faults
    assert await wired.station.prepare_launch(wired.where) != Accepted()  # 60 s are too long for this lid
    wired.simulated.box.lid.travel_s = 15.0
    assert await wired.station.secure(wired.where) == Accepted()


async def test_a_movement_survives_one_lost_answer(wired):
    await asyncio.sleep(0.2)
    launch = asyncio.create_task(wired.station.prepare_launch(wired.where))
    await asyncio.sleep(8.0)
    wired.simulated.box.faults.change("modbus_silent", active=True)
    await asyncio.sleep(2.0)
    wired.simulated.box.faults.change("none", active=True)
    assert await launch == Accepted()


async def test_the_dock_comes_back_after_the_plc_was_restarted():
    modbus, http = free_ports(2)
    dock_config = DockSection(port=modbus, response_timeout_s=1.0)
    bus = Bus()
    weather_config = WeatherSection(url=f"http://127.0.0.1:{http}/weather", poll_interval_s=1.0, max_age_s=5.0)
    async with open_station(dock_config, weather_config, bus, Clock()) as station:
        await asyncio.sleep(2.0)
        assert station.dock is None
        assert {problem.code for problem in station.problems} == {"dock.unreachable", "weather.unreachable"}
        for _ in range(2):
            async with wire_rig(ports=(modbus, http)) as plc:
                with bus.subscribe(DockState, Weather) as readings:
                    await asyncio.sleep(3.3)  # not in step with the polls: it would close in the middle of an accept
                    kinds = {type(await readings.get()) for _ in range(4)}
                assert kinds == {DockState, Weather}
                assert station.dock is not None
                assert station.weather is not None
                assert station.problems == ()
                plc.simulated.box.faults.change("emergency_stop", active=True)
                await asyncio.sleep(1.0)
                assert [problem.code for problem in station.problems] == ["dock.emergency_stop"]
                assert station.problems[0].words == codes()["dock.emergency_stop"].words
            await asyncio.sleep(15.0)
            assert station.dock is None
            assert station.weather is None


@pytest.mark.parametrize(
    ("answer", "part"),
    [
        (b"", "HTTP"),
        (b"SSH-2.0-OpenSSH\r\n", "HTTP"),
        (b"HTTP/1.1 404 Not Found\r\n\r\n", "404"),
        (b"HTTP/1.1 200 OK\r\n\r\nnot json", "JSON"),
        (b"HTTP/1.1 200 OK\r\n\r\n[1, 2]", "weather station"),
        (b'HTTP/1.1 200 OK\r\n\r\n{"wind_m_s": 3}', "gust_m_s"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b" " * 200_000, "longer"),
    ],
)
async def test_a_broken_weather_station_is_a_code(answer, part):
    async with _http(answer) as url:
        with pytest.raises(ProtocolError, match=part) as error:
            await HttpWeather(WeatherSection(url=url), Clock()).read()
    assert error.value.code == "weather.protocol"


READING = {"wind_m_s": 3, "gust_m_s": 5, "wind_from_deg": 10, "rain_mm_h": 0, "temp_c": 9, "humidity": 0.4}


@pytest.mark.parametrize(("field", "value"), [("wind_m_s", -1), ("temp_c", 400), ("humidity", 40), ("gust_m_s", "NaN")])
async def test_a_broken_sensor_is_named(field, value):
    body = json.dumps(READING | {field: value}).encode()
    async with _http(b"HTTP/1.0 200 OK\r\n\r\n" + body) as url:
        with pytest.raises(ProtocolError, match=field):
            await HttpWeather(WeatherSection(url=url), Clock()).read()


async def test_an_old_reading_is_as_old_as_its_own_time_says():
    body = json.dumps(READING | {"time": "2026-03-01T12:00:00Z"}).encode()
    clock = Clock(computer_unix_s=lambda: 1772366490.0)  # 12:01:30
    async with _http(b"HTTP/1.0 200 OK\r\n\r\n" + body) as url:
        weather = await HttpWeather(WeatherSection(url=url), clock).read()
    assert asyncio.get_running_loop().time() - weather.at_s == pytest.approx(90.0, abs=1.0)


async def test_a_weather_station_that_says_nothing_is_unreachable():
    async with _http(None) as url:
        with pytest.raises(LinkError) as error:
            await HttpWeather(WeatherSection(url=url), Clock()).read()
    assert error.value.code == "weather.unreachable"


@pytest.mark.parametrize("url", ["ftp://here/weather", "weather", "http://", "http://host:99999/"])
def test_an_address_that_is_none_is_a_configuration_error(url):
    with pytest.raises(ConfigError, match=r"weather\.url"):
        HttpWeather(WeatherSection(url=url), Clock())


async def test_faults_and_weather_are_set_over_http(wired):
    url = wired.weather_config.url
    assert await _post(url, "/fault", {"fault": "lying_sensor", "sensor": "pad"}) == {"faults": ["lying_sensor:pad"]}
    assert "error" in await _post(url, "/fault", {"fault": "gremlins"})
    assert "error" in await _post(url, "/fault", {"fault": "lying_sensor", "sensor": "nose"})
    assert "error" in await _post(url, "/fault", {"fault": ["lid_jam"]})
    assert await _post(url, "/fault", {"fault": "none"}) == {"faults": []}
    await _post(url, "/weather", {"wind_m_s": 14.0, "gust_m_s": 20.0})
    assert (await wired.weather.read()).wind_m_s == pytest.approx(14.0, rel=0.4)
    assert "error" in await _post(url, "/weather", {"wind_m_s": "strong"})


async def test_the_truth_log_holds_what_happened(wired, tmp_path):
    await asyncio.sleep(0.2)
    await wired.station.prepare_launch(wired.where)
    wired.put_drone(DronePresence.AWAY)
    await asyncio.sleep(0.2)
    rows = [json.loads(line) for line in (tmp_path / "truth.jsonl").read_text().splitlines()]
    events = [(row["event"], row.get("value")) for row in rows]
    assert events.index(("charger", "retracted")) < events.index(("lid", "open")) < events.index(("clamps", "released"))
    assert events[-1] == ("pad", "free")
    assert not {"COLLISION", "VIOLATION"} & {event for event, _ in events}


@asynccontextmanager
async def tcp_server(serve):
    """A server whose conversations end with it; gives its port."""
    talks: list[asyncio.Task] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talks.append(asyncio.current_task())
        try:
            await serve(reader, writer)
        except OSError:
            pass  # the client has hung up
        finally:
            writer.close()

    async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]
        server.close()
        for task in talks:
            task.cancel()
        await asyncio.gather(*talks, return_exceptions=True)


@asynccontextmanager
async def _http(answer: bytes | None):
    """A server that gives one fixed answer to anything; None: it accepts and says nothing. Gives the URL."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if answer is None:
            await reader.read()
        else:
            writer.write(answer)
            await writer.drain()

    async with tcp_server(serve) as port:
        yield f"http://127.0.0.1:{port}/weather"


async def _read_for(dock: ModbusDock, span_s: float) -> None:
    for _ in range(int(span_s / 0.5)):
        await dock.read()
        await asyncio.sleep(0.5)


async def _post(url: str, path: str, values: dict) -> dict:
    host, port = url.split("/")[2].split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    body = json.dumps(values).encode()
    writer.write(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
    raw = await reader.read()
    writer.close()
    return json.loads(raw.partition(b"\r\n\r\n")[2])


@pytest.mark.parametrize(
    "raw",
    [
        b"\x00\xff garbage \r\n\r\n",
        b"GET\r\n\r\n",
        b"POST /fault HTTP/1.1\r\nContent-Length: many\r\n\r\n",
        b"POST /fault HTTP/1.1\r\nContent-Length: -4\r\n\r\n",
        b"POST /fault HTTP/1.1\r\nContent-Length: 9\r\n\r\n{'fault'}",
        b"POST /fault HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n",
        b"A" * 200_000,
    ],
)
async def test_noise_at_its_ports_does_not_stop_the_simulated_dock(wired, raw):
    for port in (int(wired.weather_config.url.split(":")[2].split("/")[0]), wired.dock_config.port):
        _reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(raw)
        writer.write_eof()
        await asyncio.sleep(0.5)
        writer.close()
    await asyncio.sleep(0.5)
    assert (await wired.dock.read()).lid is LidState.CLOSED
    assert (await wired.weather.read()).wind_m_s > 0.0
