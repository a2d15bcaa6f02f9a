"""``nest-sim dock`` with arguments that are wrong: a clear error, never a traceback."""

import socket

import pytest
from typer.testing import CliRunner

from agent.core.errors import ConfigError, LinkError
from simulator.__main__ import build

PAD = ("--pad", "30.39,119.84,35")


def run(*arguments: str):
    return CliRunner().invoke(build(), ["dock", *arguments])


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (("--pad", "30.39,119.84"), "--pad"),
        ((*PAD, "--modbus", "5020"), "HOST:PORT"),
        ((*PAD, "--weather", "127.0.0.1:99999"), "HOST:PORT"),
        ((*PAD, "--time-base", "fast"), "time base"),
        ((*PAD, "--time-base", "0@0"), "rate"),
        ((*PAD, "--vehicle", "tcp:127.0.0.1:5760"), "udpin"),
    ],
)
def test_a_wrong_argument_is_named(arguments, names):
    result = run(*arguments)
    assert isinstance(result.exception, ConfigError)
    assert names in str(result.exception)


@pytest.mark.parametrize("option", ["--modbus", "--weather"])
def test_a_port_that_is_taken_is_named(option):
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.create_server(("127.0.0.1", 0)) as other:
        port, free = taken.getsockname()[1], other.getsockname()[1]
        other.close()
        rest = {"--modbus", "--weather"} - {option}
        result = run(*PAD, option, f"127.0.0.1:{port}", rest.pop(), f"127.0.0.1:{free}")
    assert isinstance(result.exception, LinkError)
    assert str(port) in str(result.exception)
