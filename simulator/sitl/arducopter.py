"""How ArduCopter's simulation is started: https://ardupilot.org/dev/docs/sitl-simulator-software-in-the-loop.html .

Its serial ports are UDP clients, so each of ours is a telemetry port of its own, with message rates of its own.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from simulator.sitl.recipe import Recipe, Wanted

SERIALS = (0, 1, 2)
"""Telemetry ports: USB and two radios."""
GIMBAL_SERIAL = 5

# A simulated copter counts as calibrated when it is told the errors that its simulated sensors have. The gimbal speaks MAVLink
# on a port of its own, the camera is a trigger on channel 10.
BODY: Mapping[str, float] = MappingProxyType(
    {
        "FRAME_CLASS": 1, "BATT_MONITOR": 4, "BATT_CAPACITY": 12000, "RC3_MIN": 1000, "RC3_TRIM": 1500, "RC3_MAX": 2000,
        **{f"COMPASS_OFS{n}_{axis}": value for n in ("", "2", "3") for axis, value in (("X", 5), ("Y", 13), ("Z", -18))},
        **{f"INS_ACC{n}OFFS_{axis}": 0.001 for n in ("", "2") for axis in "XYZ"},
        **{f"INS_ACC{n}SCAL_{axis}": 1.001 for n in ("", "2") for axis in "XYZ"},
        f"SERIAL{GIMBAL_SERIAL}_PROTOCOL": 2, "MNT1_TYPE": 6, "MNT1_DEFLT_MODE": 1, "MNT1_PITCH_MIN": -90, "MNT1_PITCH_MAX": 20,
        "CAM1_TYPE": 1, "SERVO10_FUNCTION": 10,
    }
)  # fmt: skip


def recipe(wanted: Wanted, ports: Sequence[int], gimbal_port: int, rc_port: int) -> Recipe:
    """One process.

    Args:
        ports: UDP ports of the loopback interface on which we listen, one for each of :data:`SERIALS`.
        gimbal_port: the same for the gimbal.
        rc_port: a free UDP port; left alone, every instance would listen for a transmitter on the same.
    """
    wind = {"SIM_WIND_SPD": wanted.wind_m_s, "SIM_WIND_DIR": wanted.wind_from_deg}
    parameters = {**BODY, **wind, **wanted.parameters}
    home = f"{wanted.place.lat_deg},{wanted.place.lon_deg},{wanted.alt_amsl_m},{wanted.heading_deg}"
    wired = [*zip(SERIALS, ports, strict=True), (GIMBAL_SERIAL, gimbal_port)]
    serials = (part for n, port in wired for part in (f"--serial{n}", f"udpclient:127.0.0.1:{port}"))
    command = (
        str(wanted.binary), "--synthetic-clock", "--model", "quad", "--speedup", f"{wanted.rate:g}", "--slave", "0",
        "--sim-address=127.0.0.1", "--rc-in-port", str(rc_port), "--home", home, "--defaults", "nest.parm", *serials,
    )  # fmt: skip
    listed = "".join(f"{name} {value:.9g}\n" for name, value in parameters.items())
    return Recipe(command, {}, {"nest.parm": listed})
