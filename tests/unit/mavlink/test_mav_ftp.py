"""Files of the autopilot arrive whole or not at all, whatever the link does."""

import asyncio
import random

import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from agent.core.outcome import Accepted
from agent.mavlink import mission_file, param_file
from agent.mavlink.enums import MissionType
from agent.mavlink.exchange import Exchange
from agent.mavlink.ftp import Ftp
from agent.mavlink.ftp_session import FileRefused, checksum
from agent.mavlink.ftp_wire import FtpEntry, FtpError, FtpOpcode, FtpPacket, pack, unpack
from agent.mavlink.readback import compare
from tests.doubles.builtin_link import BadLink, Weather, on_builtin
from tests.unit.mavlink.test_mav_transfer import waypoints

BAD = Weather(loss=0.2, twice=0.2, delay_s=0.03, jitter_s=0.08)


def some_bytes(count: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(count)  # noqa: S311 a repeatable test


def test_every_number_is_the_standards() -> None:
    for enum, prefix in ((FtpOpcode, "MAV_FTP_OPCODE_"), (FtpError, "MAV_FTP_ERR_")):
        for member in enum:
            assert getattr(mavlink, prefix + member.name) == member


def test_a_packet_survives_its_bytes_and_a_false_size_is_no_packet() -> None:
    packet = FtpPacket(65535, 7, FtpOpcode.ACK, FtpOpcode.READFILE, 1 << 31, b"abc", None, burst_complete=True)
    assert unpack(pack(packet)) == packet
    damaged = bytearray(pack(packet))
    damaged[4] = 240
    assert unpack(bytes(damaged)) is None


@pytest.mark.parametrize("size", [0, 1, 238, 239, 240, 239 * 3, 5000])
def test_what_is_written_is_listed_read_and_summed_the_same(size: int) -> None:
    async def body(exchange: Exchange, _: BadLink) -> None:
        ftp, data = Ftp(exchange), some_bytes(size)
        assert await ftp.make_folder("/logs") == Accepted()
        assert await ftp.write("/logs/a.bin", data) == Accepted()
        assert await ftp.read("/logs/a.bin") == data
        assert await ftp.crc("/logs/a.bin") == checksum(data)
        assert await ftp.list("/") == [FtpEntry("logs", None)]
        assert await ftp.list("/logs") == [FtpEntry("a.bin", size)]
        assert await ftp.remove("/logs/a.bin") == Accepted()
        assert await ftp.remove_folder("/logs") == Accepted()
        assert await ftp.list("/") == []

    on_builtin(body)


@pytest.mark.parametrize("seed", range(6))
def test_loss_duplication_and_disorder_cost_time_only(seed: int) -> None:
    async def body(exchange: Exchange, bad: BadLink) -> None:
        ftp, data = Ftp(exchange), some_bytes(20_000, seed)
        bad.weather = Weather(BAD.loss, BAD.twice, BAD.delay_s, BAD.jitter_s, seed)
        assert await ftp.write("/a.bin", data) == Accepted()
        assert await ftp.read("/a.bin") == data
        values = param_file.decode(_whole(await ftp.read(param_file.PATH)))
        assert values["RTL_ALT"].value == 1500.0

    on_builtin(body, Weather(seed=seed))


def test_a_file_longer_than_a_burst_goes_on() -> None:
    async def body(exchange: Exchange, _: BadLink) -> None:
        data = some_bytes(500 * 239 * 2 + 17)
        assert await Ftp(exchange).write("/long.bin", data) == Accepted()
        assert await Ftp(exchange).read("/long.bin") == data

    on_builtin(body)


@pytest.mark.parametrize(
    ("path", "error"), [("/none.bin", FtpError.FILENOTFOUND), ("@PARAM/param.pck?start=70000", FtpError.FAILERRNO)]
)
def test_what_is_refused_is_named(path: str, error: FtpError) -> None:
    async def body(exchange: Exchange, _: BadLink) -> None:
        result = await Ftp(exchange).read(path)
        assert isinstance(result, FileRefused)
        assert (result.code, result.error) == ("vehicle.file_refused", error)
        assert error.name in result.words

    on_builtin(body)


def test_silence_is_a_refusal_too() -> None:
    async def body(exchange: Exchange, bad: BadLink) -> None:
        bad.cut = True
        for result in (await Ftp(exchange).read("/a"), await Ftp(exchange).list("/"), await Ftp(exchange).write("/a", b"x")):
            assert isinstance(result, FileRefused)
            assert (result.code, result.error) == ("vehicle.file_silent", None)

    on_builtin(body)


def test_another_stations_open_file_is_waited_for() -> None:
    """ArduPilot has one open file for all stations; it forgets one that is silent for three seconds."""

    async def body(exchange: Exchange, bad: BadLink) -> None:
        data = some_bytes(1000)
        ftp = Ftp(exchange)
        assert await ftp.write("/a.bin", data) == Accepted()
        other = bad.rig.station(system=254)
        request = FtpPacket(1, 0, FtpOpcode.OPENFILERO, 0, 0, b"/a.bin")
        other.send(mavlink.MAVLink_file_transfer_protocol_message(0, 1, 1, list(pack(request))))
        began_s = exchange.now_s
        assert await ftp.read("/a.bin") == data
        assert 2.0 < exchange.now_s - began_s < 6.0

    on_builtin(body)


def test_an_opening_whose_reply_is_lost_does_not_lock_the_file() -> None:
    async def body(exchange: Exchange, bad: BadLink) -> None:
        data = some_bytes(1000)
        assert await Ftp(exchange).write("/a.bin", data) == Accepted()
        reading = asyncio.create_task(Ftp(exchange).read("/a.bin"))
        await asyncio.sleep(0.002)
        reading.cancel()  # the request is under way, nobody takes its reply
        await asyncio.gather(reading, return_exceptions=True)
        assert await Ftp(exchange).read("/a.bin") == data

    on_builtin(body)


# -- parameters ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("query", ["", "?withdefaults=1"])
def test_the_parameter_file_holds_what_the_vehicle_has(query: str) -> None:
    async def body(exchange: Exchange, bad: BadLink) -> None:
        found = param_file.decode(_whole(await Ftp(exchange).read(param_file.PATH + query)))
        parameters = bad.rig.autopilot.parameters
        assert {name: value.value for name, value in found.items()} == {name: parameters[name] for name in parameters.names}
        assert {name: value.kind for name, value in found.items()} == {
            name: parameters.wire_type(name) for name in parameters.names
        }
        assert found["RTL_ALT"].default == (1500.0 if query else None)

    on_builtin(body, None, "RTL_ALT=4321", "WPNAV_SPEED=812.5", "LOG_BITMASK=123456789")


@pytest.mark.parametrize("damage", [b"", b"\x1b\x67\x02\x00\x02\x00", b"\x00" * 40, b"\x1b\x67\x01\x00\x01\x00\x07\x10ab"])
def test_a_damaged_parameter_file_is_refused(damage: bytes) -> None:
    from agent.core.errors import ProtocolError

    with pytest.raises(ProtocolError, match="file_damaged"):
        param_file.decode(damage)


# -- missions --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("weather", [Weather(), BAD], ids=["good link", "bad link"])
def test_a_mission_written_as_a_file_reads_back_equal(weather: Weather) -> None:
    async def body(exchange: Exchange, _: BadLink) -> None:
        ftp, items = Ftp(exchange), waypoints(100)
        path = mission_file.PATHS[MissionType.MISSION]
        assert await ftp.write(path, mission_file.encode(MissionType.MISSION, items)) == Accepted()
        read = mission_file.decode(MissionType.MISSION, _whole(await ftp.read(path)))
        assert compare(items, read, first=1) is None

    on_builtin(body, weather)


@pytest.mark.parametrize("after_frames", range(4, 60, 5))
def test_a_mission_file_that_is_cut_changes_nothing(after_frames: int) -> None:
    """The autopilot closes a forgotten file by itself and takes what is in it, if it is whole."""

    async def body(exchange: Exchange, bad: BadLink) -> None:
        ftp, old, new = Ftp(exchange), waypoints(20), waypoints(100)[::-1]
        path = mission_file.PATHS[MissionType.MISSION]
        assert await ftp.write(path, mission_file.encode(MissionType.MISSION, old)) == Accepted()
        writing = asyncio.create_task(Ftp(exchange).write(path, mission_file.encode(MissionType.MISSION, new)))
        enough = bad.carried + after_frames
        while bad.carried < enough and not writing.done():  # noqa: ASYNC110 watches a counter of the double
            await asyncio.sleep(0.001)
        bad.cut = True
        result = await writing
        bad.cut = False
        read = mission_file.decode(MissionType.MISSION, _whole(await Ftp(exchange).read(path)))
        if isinstance(result, FileRefused):
            assert compare(old, read, first=1) is None or compare(new, read, first=1) is None
        assert len(read) in {20, 100}

    on_builtin(body)


@pytest.mark.parametrize("data", [b"", b"\x3d\x76\x00\x00\x00\x00\x00\x00\x02\x00" + bytes(38), b"\x00" * 48])
def test_a_damaged_mission_file_is_refused(data: bytes) -> None:
    from agent.core.errors import ProtocolError

    with pytest.raises(ProtocolError, match="file_damaged"):
        mission_file.decode(MissionType.MISSION, data)


def _whole(data: bytes | FileRefused) -> bytes:
    assert isinstance(data, bytes), data
    return data
