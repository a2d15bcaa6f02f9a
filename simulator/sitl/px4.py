"""How PX4's own simulation (SIH, simulation in hardware, compiled for the computer) is started.

https://docs.px4.io/main/en/sim_sih/ . Ports follow from the instance's number, as PX4's start scripts have them: 14550 + n for
ground stations, 13280 + n for a gimbal, 19410 + n for a display. The display's port carries the truth (HIL_STATE_QUATERNION).
"""

import math
from pathlib import Path

from agent.core.errors import ConfigError
from simulator.sitl.recipe import Recipe, Wanted
from simulator.vehicle.wire import SYSTEM_ID

_STATION_PORT, _GIMBAL_PORT, _DISPLAY_PORT = 14550, 13280, 19410
_OWN_PORTS = (18570, 13030, 19450)
INSTANCES = range(10)


def ports(instance: int) -> tuple[int, int, int]:
    """UDP ports of the loopback interface to which an instance speaks: ground station, display, gimbal."""
    return _STATION_PORT + instance, _DISPLAY_PORT + instance, _GIMBAL_PORT + instance


def own_ports(instance: int) -> tuple[int, ...]:
    """UDP ports on which an instance listens; taken while one runs."""
    return tuple(port + instance for port in _OWN_PORTS)


def recipe(wanted: Wanted, instance: int) -> Recipe:
    """One process.

    Raises:
        ConfigError: the program stands alone, without the ``etc`` folder of its build.
    """
    etc = _etc_of(wanted.binary)
    towards_rad = math.radians(wanted.wind_from_deg + 180.0)
    parameters = {
        "MAV_SYS_ID": SYSTEM_ID,  # else the instance's number and one
        "MNT_MODE_IN": 4, "MNT_MODE_OUT": 2,  # MAVLink's gimbal protocol v2, both ways
        "SIH_WIND_N": wanted.wind_m_s * math.cos(towards_rad),
        "SIH_WIND_E": wanted.wind_m_s * math.sin(towards_rad),
        **wanted.parameters,
    }  # fmt: skip
    environment = {
        "PX4_SIM_MODEL": "sihsim_quadx", "PX4_SIMULATOR": "sihsim", "PX4_SIM_SPEED_FACTOR": f"{wanted.rate:g}",
        "PX4_HOME_LAT": str(wanted.place.lat_deg), "PX4_HOME_LON": str(wanted.place.lon_deg),
        "PX4_HOME_ALT": str(wanted.alt_amsl_m), "PX4_HOME_YAW": str(wanted.heading_deg),
        **{f"PX4_PARAM_{name}": f"{value:g}" for name, value in parameters.items()},
    }  # fmt: skip
    command = (str(wanted.binary), "-i", str(instance), "-d", "-w", str(wanted.folder), str(etc))
    return Recipe(command, environment, {})


def _etc_of(binary: Path) -> Path:
    etc = binary.parent.parent / "etc"
    if not (etc / "init.d-posix").is_dir():
        raise ConfigError(
            "sitl.no_binary", f"px4: {binary} has no folder {etc} beside its own; name bin/px4 inside a whole build or package"
        )
    return etc
