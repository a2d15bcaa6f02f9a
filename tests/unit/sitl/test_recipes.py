"""How the real autopilots are started, and which program is taken."""

import pytest

from agent.core.errors import ConfigError
from agent.core.geo import LatLon
from simulator.runner.firmware import firmware_parameters
from simulator.sitl import arducopter, px4
from simulator.sitl.binary import Backend, find_binary
from simulator.sitl.recipe import Wanted


@pytest.fixture
def program(tmp_path):
    def make(name: str):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("#!/bin/sh\n")
        path.chmod(0o755)
        return path

    return make


def wanted(binary, tmp_path, **changes):
    return Wanted(binary, tmp_path / "work", LatLon(30.39, 119.84), 24.0, 90.0, 5.0, 6.0, 240.0, **changes)


def test_the_nests_set_leaves_the_simulated_drone_the_gimbal_that_it_has():
    """With another mount type ArduCopter finds no gimbal, takes every order for it, and the camera stays level."""
    values = firmware_parameters("ardupilot/nest", Backend.ARDUPILOT)
    assert values["MNT1_TYPE"] == arducopter.BODY["MNT1_TYPE"] == 6


def test_arducopter_gets_place_speed_wind_and_the_nests_parameters(program, tmp_path):
    made = arducopter.recipe(
        wanted(program("arducopter"), tmp_path, parameters={"RTL_ALT": 3000.0}), [7001, 7002, 7003], 7004, 7005
    )
    line = " ".join(made.command)
    assert "--home 30.39,119.84,24.0,90.0" in line
    assert "--speedup 5" in line
    assert "--serial0 udpclient:127.0.0.1:7001 --serial1 udpclient:127.0.0.1:7002" in line
    assert "--serial5 udpclient:127.0.0.1:7004" in line
    set_ = dict(row.split() for row in made.files["nest.parm"].splitlines())
    assert (set_["RTL_ALT"], set_["SIM_WIND_SPD"], set_["SIM_WIND_DIR"]) == ("3000", "6", "240")


def test_px4_gets_them_by_its_environment(program, tmp_path):
    binary = program("build/bin/px4")
    (tmp_path / "build" / "etc" / "init.d-posix").mkdir(parents=True)
    made = px4.recipe(wanted(binary, tmp_path, parameters={"RTL_RETURN_ALT": 30.0}), 3)
    assert made.command[:3] == (str(binary), "-i", "3")
    told = made.environment
    assert (told["PX4_HOME_ALT"], told["PX4_SIM_SPEED_FACTOR"], told["PX4_PARAM_RTL_RETURN_ALT"]) == ("24.0", "5", "30")
    assert float(told["PX4_PARAM_SIH_WIND_N"]) == pytest.approx(3.0, abs=1e-4), "from south-west blows to north-east"
    assert float(told["PX4_PARAM_SIH_WIND_E"]) == pytest.approx(5.196, abs=1e-3)


def test_a_px4_without_its_build_is_refused(program, tmp_path):
    with pytest.raises(ConfigError, match=r"has no folder .*etc"):
        px4.recipe(wanted(program("px4"), tmp_path), 0)


def test_the_named_program_comes_before_the_variables_and_that_before_the_path(program):
    named, by_variable, on_path = program("a/arducopter"), program("b/arducopter"), program("c/arducopter")
    environment = {"NEST_ARDUCOPTER": str(by_variable), "PATH": str(on_path.parent)}
    assert find_binary(Backend.ARDUPILOT, named, environment) == named
    assert find_binary(Backend.ARDUPILOT, None, environment) == by_variable
    assert find_binary(Backend.ARDUPILOT, None, {"PATH": str(on_path.parent)}) == on_path


def test_without_a_program_it_is_said_where_it_was_looked_for(tmp_path):
    with pytest.raises(ConfigError, match=r"px4: no program px4 on the PATH, NEST_PX4 is not set"):
        find_binary(Backend.PX4, None, {"PATH": str(tmp_path)})
    with pytest.raises(ConfigError, match="is not a program that can be run"):
        find_binary(Backend.PX4, tmp_path / "px4", {})
