"""Every row of the parameter sets against what the firmware itself says, and the files that are made of them."""

import pytest

from firmware_config.export import mission_planner, qgroundcontrol, value_of
from firmware_config.schema import Metadata, ParameterRow, ParameterSet, load_metadata, load_set
from simulator.runner.firmware import firmware_parameters
from simulator.vehicle.parameter_table import ROWS

SETS = ("ardupilot/nest", "px4/nest")
EVERY_ROW = [pytest.param(name, row, id=f"{name}-{row.name}") for name in SETS for row in load_set(name).rows]
OWN = 255
UNITS_UNSAID = {"norm"}  # a share of one


def problems(row: ParameterRow, about: Metadata) -> list[str]:
    """Where a row demands what the firmware has no meaning for."""
    least, most = row.limits(OWN)
    ends = [end for end in (least, most) if abs(end) != float("inf")]
    found = [f"{end:g} is below {about.min:g}" for end in ends if about.min is not None and end < about.min]
    found += [f"{end:g} is above {about.max:g}" for end in ends if about.max is not None and end > about.max]
    if about.values and about.min is None:
        found += [f"{end:g} is none of {about.values}" for end in ends if end not in about.values]
    if about.bits and least == most:
        known = sum(1 << bit for bit in about.bits)
        found += [f"{least:g} has unknown bits"] if int(least) & ~known else []
    if about.unit not in {"", row.unit, *UNITS_UNSAID}:
        found.append(f"the unit is {about.unit}, not {row.unit or 'none'}")
    return found


@pytest.mark.parametrize(("name", "row"), EVERY_ROW)
def test_the_firmware_has_a_meaning_for_every_row(name: str, row: ParameterRow) -> None:
    assert problems(row, load_metadata(name)[row.name]) == []
    assert row.reason.endswith(".")
    assert row.source.startswith("https://")


@pytest.mark.parametrize(
    ("demand", "about", "word"),
    [
        ({"value": 9}, {"kind": 2, "values": [0, 1]}, "none of"),
        ({"min": 0, "max": 5}, {"kind": 9, "min": 1}, "below"),
        ({"min": 1, "max": 50}, {"kind": 9, "max": 10}, "above"),
        ({"value": 6}, {"kind": 6, "bits": [1]}, "bits"),
        ({"value": 6, "unit": "m"}, {"kind": 6, "unit": "cm"}, "unit"),
    ],
)
def test_a_row_without_meaning_is_found(demand: dict[str, object], about: dict[str, object], word: str) -> None:
    row = ParameterRow.model_validate({"name": "X", "reason": "r.", "source": "https://s", **demand})
    assert word in " ".join(problems(row, Metadata.model_validate(about)))


@pytest.mark.parametrize("name", SETS)
def test_metadata_and_rows_name_the_same_parameters(name: str) -> None:
    assert set(load_metadata(name)) == {row.name for row in load_set(name).rows}


@pytest.mark.parametrize("name", SETS)
def test_what_each_flight_needs_takes_no_restart(name: str) -> None:
    assert not [row.name for row in load_set(name).parameters if load_metadata(name)[row.name].reboot]


def test_the_simulated_drone_has_every_parameter_of_its_set_right() -> None:
    values = firmware_parameters("ardupilot/nest")
    types = {row.name: row.wire_type for row in ROWS}
    for row in load_set("ardupilot/nest").rows:
        if row.optional:
            continue
        least, most = row.limits(OWN)
        assert least <= values[row.name] <= most
        assert types[row.name] == load_metadata("ardupilot/nest")[row.name].kind, row.name


@pytest.mark.parametrize(("name", "parameter", "value"), [("ardupilot/nest_finish", "FS_OPTIONS", 26.0),
    ("px4/nest_finish", "COM_DLL_EXCEPT", 1.0)])  # fmt: skip
def test_a_variant_differs_from_its_base_in_its_own_rows_only(name: str, parameter: str, value: float) -> None:
    base, variant = load_set(name.removesuffix("_finish")), load_set(name)
    assert (base.on_link_loss, variant.on_link_loss) == ("return", "finish")
    assert [row.name for row in variant.rows] == [row.name for row in base.rows]
    differing = [row for row, other in zip(variant.rows, base.rows, strict=True) if row != other]
    assert [(row.name, row.value) for row in differing] == [(parameter, value)]
    assert problems(differing[0], load_metadata(name)[parameter]) == []
    assert variant.digest != base.digest


def test_the_simulated_drone_gets_a_variants_rows_too() -> None:
    assert firmware_parameters("ardupilot/nest_finish")["FS_OPTIONS"] == 26.0


def test_a_name_stands_once_in_all_parts() -> None:
    row = {"name": "X", "value": 1, "reason": "r.", "source": "https://s"}
    with pytest.raises(ValueError, match="X: more than one row"):
        ParameterSet.model_validate({"autopilot": "PX4", "firmware": "1", "parameters": [row], "further": [row]})


@pytest.mark.parametrize(("since", "firmware", "held"), [("", "4.5.7", True), ("4.6", "4.5.7", False), ("4.6", "4.6.0", True),
    ("1.16", "1.9.2", False), ("4.6", "4.10.1", True), ("4.6", None, True)])  # fmt: skip
def test_a_row_holds_from_its_firmware_on(since: str, firmware: str | None, held: bool) -> None:
    row = ParameterRow(name="X", value=1, since=since, reason="r.", source="s")
    assert row.holds_for(firmware) is held


def test_the_digest_is_of_what_is_demanded_not_of_the_words() -> None:
    one = load_set("ardupilot/nest")
    rows = one.parameters
    worded = one.model_copy(update={"parameters": (rows[0].model_copy(update={"reason": "Other words."}), *rows[1:])})
    changed = one.model_copy(update={"parameters": (rows[0].model_copy(update={"value": 2.0}), *rows[1:])})
    for copy in (worded, changed):
        copy.__dict__.pop("digest", None)
    assert worded.digest == one.digest != changed.digest
    assert len(one.digest) == 64


def test_a_file_for_mission_planner_has_a_right_value_for_every_row() -> None:
    wanted, about = load_set("ardupilot/nest"), load_metadata("ardupilot/nest")
    lines = [line.split(",") for line in mission_planner(wanted, about, 254).splitlines() if not line.startswith("#")]
    values = {name: float(value) for name, value in lines}
    assert values["SYSID_MYGCS"] == 254
    assert list(values) == [row.name for row in wanted.rows]
    for row in wanted.rows:
        least, most = row.limits(254)
        assert least <= values[row.name] <= most


def test_a_file_for_qgroundcontrol_has_types_and_right_values() -> None:
    wanted, about = load_set("px4/nest"), load_metadata("px4/nest")
    lines = [line.split("\t") for line in qgroundcontrol(wanted, about, 255).splitlines() if not line.startswith("#")]
    assert [line[2] for line in lines] == [row.name for row in wanted.rows]
    for (vehicle, component, name, value, kind), row in zip(lines, wanted.rows, strict=True):
        assert (vehicle, component, int(kind)) == ("1", "1", about[name].kind)
        assert ("." in value) is (about[name].kind == 9)
        assert float(value) == pytest.approx(value_of(row, about[name], 255))
