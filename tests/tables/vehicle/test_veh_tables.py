"""Every row of the driver tables and parameter sets."""

from importlib.resources import files
from types import MappingProxyType

import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from agent.domain.codes import codes
from agent.domain.telemetry import FlightMode
from agent.mavlink.telemetry import FOLDS
from agent.vehicle.ardupilot import MODES
from agent.vehicle.ardupilot import TRAITS as ARDUPILOT
from agent.vehicle.detect import DRIVERS
from agent.vehicle.parameter_set import deviation
from agent.vehicle.px4 import TRAITS as PX4
from agent.vehicle.px4 import mode_of
from firmware_config.schema import ParameterRow, load_set

SETS = ("ardupilot/nest", "px4/nest")
COMMANDED = (FlightMode.MISSION, FlightMode.HOLD, FlightMode.RETURN, FlightMode.LAND)


@pytest.mark.parametrize("name", SETS)
def test_every_parameter_has_its_reason_and_source_and_stands_once(name: str) -> None:
    rows = load_set(name).parameters
    assert len({row.name for row in rows}) == len(rows)
    for row in rows:
        assert row.name == row.name.upper()
        assert len(row.name) <= 16, "a name's limit on the wire"
        assert row.reason.endswith(".")
        assert row.source.startswith("https://")
        least, most = row.limits(255)
        assert least <= most


def test_every_autopilot_with_a_driver_has_its_set() -> None:
    assert len(DRIVERS) == len(SETS)
    assert {load_set(name).autopilot for name in SETS} == {ARDUPILOT.name, PX4.name}
    assert files("firmware_config").joinpath("ardupilot/nest.yaml").is_file()


@pytest.mark.parametrize("name", ["", "ardupilot", "ardupilot/none", "../agent/nest", "ardupilot/../px4/nest"])
def test_there_is_no_other_set(name: str) -> None:
    with pytest.raises(FileNotFoundError):
        load_set(name)


@pytest.mark.parametrize(
    ("row", "actual", "right"),
    [
        ({"value": 1}, 1.0, True), ({"value": 1}, 0.0, False), ({"value": 1}, None, False),
        ({"value": 0.8}, 0.800000011920929, True),
        ({"min": 3, "max": 10}, 3.0, True), ({"min": 3, "max": 10}, 11.0, False), ({"min": 9.6}, 12.0, True),
        ({"min": 9.6}, 0.0, False),
        ({"own_system_id": True}, 254.0, True), ({"own_system_id": True}, 255.0, False), ({"value": 1}, float("nan"), False),
    ],
)  # fmt: skip
def test_what_deviates(row: dict[str, float], actual: float | None, right: bool) -> None:
    wanted = ParameterRow(name="X", reason="r.", source="s", **row)  # type: ignore[arg-type]
    found = deviation(wanted, actual, 254)
    assert (found is None) is right
    assert found is None or found.name == "X"


@pytest.mark.parametrize("row", [{}, {"value": 1, "min": 0}, {"own_system_id": True, "value": 3}])
def test_a_row_makes_one_demand(row: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="give value"):
        ParameterRow(name="X", reason="r.", source="s", **row)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("FS_GCS_TIMEOUT", 3.0),  # three heartbeats lost on a poor radio would cut a flight short
        ("RALLY_LIMIT_KM", 0.02),  # watched: a return that began 2 m from a rally point landed there
        ("RALLY_LIMIT_KM", 0.0),  # no limit at all
    ],
)
def test_ardupilot_is_not_sent_out_with_a_failsafe_that_ends_elsewhere(name: str, wrong: float) -> None:
    (row,) = (row for row in load_set("ardupilot/nest").parameters if row.name == name)
    assert deviation(row, wrong, 255) is not None


@pytest.mark.parametrize("number", [20, 23, 25])
def test_modes_in_which_another_computer_flies_are_somebody_elses(number: int) -> None:
    assert MODES[number] is FlightMode.MANUAL


@pytest.mark.parametrize("traits", [ARDUPILOT, PX4], ids=lambda traits: traits.name)
def test_a_commanded_mode_reads_back_as_itself(traits: object) -> None:
    for mode in COMMANDED:
        params = traits.mode_params[mode]  # type: ignore[attr-defined]
        number = int(params[0]) if len(params) == 1 else int(params[0]) << 16 | int(params[1]) << 24
        assert traits.mode_of(number) is mode  # type: ignore[attr-defined]


@pytest.mark.parametrize("traits", [ARDUPILOT, PX4], ids=lambda traits: traits.name)
def test_every_wanted_message_is_known_and_read(traits: object) -> None:
    known = {message.msgname for message in mavlink.mavlink_map.values()}
    streams = traits.streams_hz  # type: ignore[attr-defined]
    assert set(streams) <= known
    assert set(streams) - set(FOLDS) == {"POSITION_TARGET_GLOBAL_INT"}, "that one is looked at when a target is sent"
    assert min(streams["GLOBAL_POSITION_INT"], streams["ATTITUDE"]) >= 10.0


def test_tables_cannot_be_changed() -> None:
    assert isinstance(MODES, MappingProxyType)
    assert mode_of(4 << 16 | 4 << 24) is FlightMode.MISSION
    assert mode_of(4 << 16 | 20 << 24) is FlightMode.LAND
    assert mode_of(3 << 16) is FlightMode.MANUAL
    assert mode_of(99 << 16) is FlightMode.UNKNOWN


@pytest.mark.parametrize("package", ["agent/vehicle", "agent/mavlink"])
def test_every_code_in_the_source_has_its_words(package: str) -> None:
    import re

    folder = files("agent").joinpath(package.split("/")[1])
    found = set()
    for file in folder.iterdir():
        if file.name.endswith(".py"):
            found |= set(re.findall(r'"((?:vehicle|link|mission)\.[a-z_]+)"', file.read_text(encoding="utf-8")))
    found -= {"vehicle.parameter_set"}  # the name of a configuration key
    assert found
    assert found <= set(codes())
