"""The text that says where the drone is, as a value."""

from dataclasses import dataclass

from agent.core.errors import ConfigError

_FORMS = "serial:/dev/ttyX:BAUD, udp-listen:HOST:PORT, udp:HOST:PORT or tcp:HOST:PORT"


@dataclass(frozen=True, slots=True)
class SerialAddress:
    """A serial port and its speed."""

    device: str
    baud: int

    def __str__(self) -> str:
        return f"serial:{self.device}:{self.baud}"


@dataclass(frozen=True, slots=True)
class UdpListenAddress:
    """A local UDP port on which the drone speaks first."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"udp-listen:{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class UdpAddress:
    """A UDP port of the drone; we speak first."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"udp:{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class TcpAddress:
    """A TCP port of the drone."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"tcp:{self.host}:{self.port}"


Address = SerialAddress | UdpListenAddress | UdpAddress | TcpAddress
_NETWORK: dict[str, type[UdpListenAddress | UdpAddress | TcpAddress]] = {
    "udp-listen": UdpListenAddress,
    "udp": UdpAddress,
    "tcp": TcpAddress,
}


def parse_address(text: str) -> Address:
    """Reads the form of ``vehicle.link`` in the configuration.

    Raises:
        ConfigError: the text has none of the known forms.
    """
    kind, _, rest = text.partition(":")
    where, _, number_text = rest.rpartition(":")
    try:
        number = int(number_text)
    except ValueError:
        number = 0
    if kind == "serial" and where and number > 0:
        return SerialAddress(where, number)
    network = _NETWORK.get(kind)
    if network is not None and where and 1 <= number <= 65535:
        return network(where.strip("[]"), number)
    raise ConfigError("config.invalid", f"vehicle.link {text!r}: write {_FORMS}")


def baud_of(text: str) -> int | None:
    """The speed of the serial line that the text names; None where it names something else."""
    kind, _, rest = text.partition(":")
    number = rest.rpartition(":")[2]
    return int(number) if kind == "serial" and number.isdigit() else None
