"""Shipped scenarios can be flown; wrong ones are named; the loops keep time."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from agent.config.load import load
from agent.core.errors import ConfigError, DeviceError
from agent.routes.checks import Limits, check_plan
from agent.routes.compile import Pad, compile_route
from agent.routes.library import load_routes, load_site
from simulator.loops import ScaledLoop, VirtualLoop
from simulator.runner.firmware import firmware_parameters
from simulator.runner.nest_files import Ports, write_nest
from simulator.runner.processes import Processes
from simulator.scenario import load_scenario

NO_WATER = {"type": "FeatureCollection", "features": []}
PORTS = Ports(1883, 14550, 14551, 14552, 8090, 5020, 8091)


def test_a_scenario_may_set_keys_of_the_agent_s_configuration(tmp_path):
    scenario = load_scenario("first_flight")
    path = write_nest(scenario, tmp_path, PORTS, datetime(2026, 1, 1, 12, 30, tzinfo=UTC), "5", NO_WATER)
    written = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert written["second_look"] == {"policy": "investigate"}
    assert written["nest"]["id"] == "nest-01", "the other sections stay"


@pytest.mark.parametrize("name", ["first_flight", "short_patrol", "whole_job"])
def test_a_shipped_scenario_makes_files_that_the_agent_takes(tmp_path, name):
    scenario = load_scenario(name)
    path = write_nest(
        scenario, tmp_path, PORTS, datetime(2026, 1, 1, 12, 30, tzinfo=UTC), "5", NO_WATER, parameter_set="ardupilot/nest"
    )
    config = load(path)
    site = load_site(config.nest.site_file)
    [route] = load_routes(config.nest.routes_dir).values()
    pad = Pad(scenario.world.place.latlon, scenario.world.nest_alt_amsl_m)
    plan = compile_route(route, site, pad, None, config.flight.takeoff_alt_rel_m)
    assert not check_plan(plan, pad, None, Limits(20.0, 20.0, 30.0))
    assert config.missions.schedule[0].route == route.id
    assert config.missions.schedule[0].at_utc.isoformat() == "12:30:00"


@pytest.mark.parametrize(
    ("content", "told"),
    [("name: x", "title"), ("[", "YAML"), ("name: x\nspeed: fast", "speed")],
)
def test_a_wrong_scenario_is_named(tmp_path, content, told):
    path = tmp_path / "mine.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError, match=told):
        load_scenario(str(path))


def test_an_unknown_scenario_lists_those_there_are():
    with pytest.raises(ConfigError, match="first_flight"):
        load_scenario("second_flight")


def test_the_simulated_drone_gets_what_the_preflight_check_demands():
    values = firmware_parameters()
    assert values["FS_GCS_ENABLE"] == 1
    assert values["SYSID_MYGCS"] == 255


def test_the_scaled_loop_runs_its_clock_faster():
    async def nap():
        loop = asyncio.get_running_loop()
        before = loop.time()
        await asyncio.sleep(5.0)
        return loop.time() - before

    began = time.monotonic()
    with asyncio.Runner(loop_factory=lambda: ScaledLoop(50.0)) as runner:
        slept = runner.run(nap())
    assert slept >= 5.0
    assert time.monotonic() - began < 4.0


def test_the_virtual_loop_jumps_and_keeps_the_order_of_timers():
    async def main():
        order = []

        async def at(delay):
            await asyncio.sleep(delay)
            order.append(delay)

        await asyncio.gather(at(300.0), at(100.0), at(200.0))
        return order, asyncio.get_running_loop().time()

    began = time.monotonic()
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        order, now = runner.run(main())
    assert order == [100.0, 200.0, 300.0]
    assert now == pytest.approx(300.0, abs=1.0)
    assert time.monotonic() - began < 10.0


def test_a_process_that_ends_by_itself_is_named_with_its_last_words(tmp_path):
    with Processes(tmp_path) as processes:
        processes.start("talker", ("sh", "-c", "echo the last words; exit 3"))
        with pytest.raises(DeviceError, match="talker ended with status 3") as caught:
            processes.wait("never", lambda: False, 20.0)
    assert "the last words" in caught.value.message


def test_a_killed_run_leaves_no_process_behind(tmp_path):
    with Processes(tmp_path) as processes:
        child = processes.start("parent", ("sh", "-c", "sleep 300 & echo $!; wait"))
        processes.wait("the grandchild", lambda: child.tail().strip().isdigit(), 20.0)
        grandchild = int(child.tail())
        child.kill()
    with pytest.raises(ProcessLookupError):
        _signal_until_gone(grandchild)


def _signal_until_gone(pid: int) -> None:
    """Asks for the process until it is gone; a zombie that nobody reaps yet still counts as there."""
    end = time.monotonic() + 10.0
    while time.monotonic() < end:
        os.kill(pid, 0)
        status = Path(f"/proc/{pid}/status")
        if status.exists() and "State:\tZ" in status.read_text(encoding="utf-8"):
            raise ProcessLookupError(pid)


def test_a_terminated_run_stops_its_processes(tmp_path):
    script = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from simulator.runner.processes import Processes\n"
        "with Processes(Path(sys.argv[1])) as processes:\n"
        "    print(processes.start('sleeper', ('sleep', '300')).pid, flush=True)\n"
        "    time.sleep(300)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        sleeper = int(run.stdout.readline())
        run.terminate()
        assert run.wait(30.0) == 128 + signal.SIGTERM
    with pytest.raises(ProcessLookupError):
        _signal_until_gone(sleeper)
