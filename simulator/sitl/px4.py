"""How PX4's own simulation (SIH, simulation in hardware, compiled for the computer) is started.

https://docs.px4.io/main/en/sim_sih/ . Ports follow from the instance's number, as PX4's start scripts have them. PX4 speaks to
whoever spoke to a port first. The display's port carries the truth (HIL_STATE_QUATERNION).
"""

import math
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from agent.core.errors import ConfigError
from simulator.sitl.recipe import Recipe, Wanted
from simulator.vehicle.wire import SYSTEM_ID, mavlink

_STATION, _DISPLAY, _GIMBAL = 18570, 19450, 13030
INSTANCES = range(10)
_DISPLAY_INDEX = 1  # among the ports
# What PX4's simulation sends 20 to 200 times a second to draw pictures with, and a drone's radio would not carry.
_QUIET = (
    (
        mavlink.MAVLINK_MSG_ID_POSITION_TARGET_LOCAL_NED, mavlink.MAVLINK_MSG_ID_LOCAL_POSITION_NED,
        mavlink.MAVLINK_MSG_ID_ATTITUDE_QUATERNION, mavlink.MAVLINK_MSG_ID_ATTITUDE_TARGET,
        mavlink.MAVLINK_MSG_ID_SERVO_OUTPUT_RAW, mavlink.MAVLINK_MSG_ID_RC_CHANNELS, mavlink.MAVLINK_MSG_ID_OPTICAL_FLOW_RAD,
        mavlink.MAVLINK_MSG_ID_ALTITUDE,
    ),
    (mavlink.MAVLINK_MSG_ID_HIL_ACTUATOR_CONTROLS,),
)  # fmt: skip

BODY: Mapping[str, float] = MappingProxyType(
    {
        "MAV_SYS_ID": SYSTEM_ID,  # else the instance's number and one
        "MNT_MODE_IN": 4, "MNT_MODE_OUT": 2,  # MAVLink's gimbal protocol v2, both ways
        "SIM_BAT_DRAIN": 1200, "SIM_BAT_MIN_PCT": 1,  # a battery for twenty minutes, not for one
        "SIH_KDV": 0.2,  # N/(m/s) on its 1 kg: leans 10 degrees in 10 m/s; as delivered 45, and a take-off ends 40 m away
    }
)  # fmt: skip
"""Parameters of the simulated drone itself."""


def ports(instance: int) -> tuple[int, int, int]:
    """UDP ports of the loopback interface on which an instance listens: for a ground station, a display, a gimbal."""
    return _STATION + instance, _DISPLAY + instance, _GIMBAL + instance


def recipe(wanted: Wanted, instance: int) -> Recipe:
    """One process.

    Raises:
        ConfigError: the program stands alone, without the ``etc`` folder of its build.
    """
    etc = _etc_of(wanted.binary)
    towards_rad = math.radians(wanted.wind_from_deg + 180.0)
    parameters = {
        **BODY,
        "SIH_WIND_N": wanted.wind_m_s * math.cos(towards_rad),
        "SIH_WIND_E": wanted.wind_m_s * math.sin(towards_rad),
        **wanted.parameters,
    }  # fmt: skip
    environment = {
        "PX4_SIM_MODEL": "sihsim_quadx", "PX4_SIMULATOR": "sihsim", "PX4_SIM_SPEED_FACTOR": f"{wanted.rate:g}",
        "PX4_HOME_LAT": str(wanted.place.lat_deg), "PX4_HOME_LON": str(wanted.place.lon_deg),
        "PX4_HOME_ALT": str(wanted.alt_amsl_m), "PX4_HOME_YAW": str(wanted.heading_deg),
        **{f"PX4_PARAM_{name}": f"{value:.9g}" for name, value in parameters.items()},
    }  # fmt: skip
    command = (str(wanted.binary), "-i", str(instance), "-d", "-w", str(wanted.folder), str(etc))
    return Recipe(command, environment, {}, deaf=(_DISPLAY_INDEX,), quiet=_QUIET)


def _etc_of(binary: Path) -> Path:
    etc = binary.parent.parent / "etc"
    if not (etc / "init.d-posix").is_dir():
        raise ConfigError(
            "sitl.no_binary", f"px4: {binary} has no folder {etc} beside its own; name bin/px4 inside a whole build or package"
        )
    return etc
