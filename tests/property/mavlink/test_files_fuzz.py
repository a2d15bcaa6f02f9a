"""What comes of a peer's files is what it meant or a clean refusal; no bytes make more trouble than that."""

import contextlib
import struct

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.errors import ProtocolError
from agent.mavlink import mission_file, param_file
from agent.mavlink.enums import MissionType
from agent.mavlink.ftp_wire import FtpPacket, entries_of, pack, unpack
from agent.mavlink.items import WireItem
from simulator.vehicle.ftp_param_file import ParamFile
from simulator.vehicle.parameter_table import INT8, INT16, INT32, REAL32, Row
from simulator.vehicle.parameters import Parameters

RANGES = {INT8: 127, INT16: 32_767, INT32: 1 << 23}
NAMES = st.text("ABC_1", min_size=1, max_size=16)
FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)


@st.composite
def rows(draw: st.DrawFn) -> list[Row]:
    names = draw(st.lists(NAMES, unique=True, min_size=1, max_size=60))
    found = []
    for name in names:
        kind = draw(st.sampled_from([INT8, INT16, INT32, REAL32]))
        most = RANGES.get(kind)
        found.append(Row(name, kind, draw(FLOATS) if most is None else float(draw(st.integers(-most, most)))))
    return found


@settings(max_examples=60)
@given(rows(), st.integers(20, 239), st.booleans())
def test_every_packed_parameter_is_read_as_it_was(table: list[Row], block: int, defaults: bool) -> None:
    parameters = Parameters(table)
    content = ParamFile(parameters).content("withdefaults=1" if defaults else "")
    data = b""
    while piece := content.read(len(data), block):
        data += piece
    found = param_file.decode(data)
    assert {name: (value.value, value.kind) for name, value in found.items()} == {
        name: (parameters[name], parameters.wire_type(name)) for name in parameters.names
    }


@given(st.binary(max_size=400), st.booleans())
def test_no_bytes_break_the_parameter_file(data: bytes, headed: bool) -> None:
    with contextlib.suppress(ProtocolError):
        param_file.decode(struct.pack("<HHH", 0x671B, 3, 3) + data if headed else data)


@given(st.binary(max_size=400), st.sampled_from(list(MissionType)))
def test_no_bytes_break_the_mission_file(data: bytes, kind: MissionType) -> None:
    with contextlib.suppress(ProtocolError):
        mission_file.decode(kind, data)


@given(
    st.lists(
        st.builds(
            WireItem,
            st.integers(1, 65_535),
            st.integers(0, 255),
            st.tuples(FLOATS, FLOATS, FLOATS, FLOATS),
            st.integers(-(1 << 31), (1 << 31) - 1),
            st.integers(-(1 << 31), (1 << 31) - 1),
            FLOATS,
        ),
        max_size=20,
    ),
    st.sampled_from(list(MissionType)),
)
def test_items_survive_their_file(items: list[WireItem], kind: MissionType) -> None:
    assert mission_file.decode(kind, mission_file.encode(kind, items)) == items


@given(st.binary(max_size=251))
def test_no_payload_breaks_the_packet(payload: bytes) -> None:
    packet = unpack(payload)
    if packet is not None:
        assert unpack(pack(packet)) == packet
        assert list(entries_of(packet.data)) is not None
        assert (packet.error is None) is (packet.opcode != 129)


@given(st.integers(0, 65_535), st.integers(0, 255), st.integers(0, 255), st.integers(0, (1 << 32) - 1), st.binary(max_size=239))
def test_a_packet_survives_its_payload(seq: int, session: int, opcode: int, offset: int, data: bytes) -> None:
    packet = FtpPacket(seq, session, opcode, 0, offset, data)
    assert unpack(pack(packet)) == packet
