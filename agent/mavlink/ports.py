"""Serial ports and sockets behind one blocking interface, for the link's reader thread.

Knows operating-system calls; knows nothing of MAVLink or of the event loop. ``read`` raises :class:`PortClosedError` where the
other end is gone for good (end of a TCP stream, a serial device unplugged). A UDP peer that is not there yet is not an error.
"""

import socket
import sys
from collections.abc import Callable
from typing import Protocol

from agent.core.errors import LinkError
from agent.mavlink.address import Address, SerialAddress, TcpAddress, UdpAddress, UdpListenAddress

_READ_BYTES = 65_536
_TCP_CONNECT_TIMEOUT_S = 5.0
_UDP_BUFFER_BYTES = 1 << 20

Peer = tuple[str, int] | None


class PortClosedError(Exception):
    """The other end closed, or the device went away."""


class Port(Protocol):
    """An open, non-blocking port."""

    def fileno(self) -> int:
        """For select."""
        ...

    def read(self) -> tuple[bytes, Peer]:
        """What is there, and who sent it (UDP). Empty bytes where nothing is."""
        ...

    def write(self, data: bytes) -> int:
        """Bytes taken. 0 when nothing can be taken now."""
        ...

    def trust(self, peer: Peer) -> None:
        """The drone speaks from here; later writes go there."""
        ...

    def close(self) -> None:
        """Closes it."""
        ...


class TcpPort:
    """A TCP connection to the drone."""

    def __init__(self, address: TcpAddress) -> None:
        self._socket = socket.create_connection((address.host, address.port), timeout=_TCP_CONNECT_TIMEOUT_S)
        self._socket.settimeout(0.0)
        self._buffer = memoryview(bytearray(_READ_BYTES))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def fileno(self) -> int:
        """For select."""
        return self._socket.fileno()

    def read(self) -> tuple[bytes, Peer]:
        """What is there."""
        try:
            count = self._socket.recv_into(self._buffer)
        except BlockingIOError:
            return b"", None
        except OSError as error:
            raise PortClosedError(str(error)) from error
        if not count:
            raise PortClosedError("the drone's end closed the connection")
        return bytes(self._buffer[:count]), None

    def write(self, data: bytes) -> int:
        """Bytes taken."""
        try:
            return self._socket.send(data)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise PortClosedError(str(error)) from error

    def trust(self, peer: Peer) -> None:
        """Nothing to do: there is one peer."""

    def close(self) -> None:
        """Closes it."""
        self._socket.close()


class UdpPort:
    """A UDP socket. With a listening address it answers whoever proved to be the drone."""

    def __init__(self, address: UdpListenAddress | UdpAddress) -> None:
        family, _, _, _, resolved = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_DGRAM)[0]
        self._peer: Peer = None
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.settimeout(0.0)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _UDP_BUFFER_BYTES)
        self._buffer = memoryview(bytearray(_READ_BYTES))  # one for all: a new one of this size each time is slow
        try:
            if isinstance(address, UdpListenAddress):
                self._socket.bind(resolved)
            else:
                self._peer = (str(resolved[0]), int(resolved[1]))
        except OSError:
            self._socket.close()
            raise

    def fileno(self) -> int:
        """For select."""
        return self._socket.fileno()

    @property
    def local_port(self) -> int:
        """The bound port."""
        return int(self._socket.getsockname()[1])

    def read(self) -> tuple[bytes, Peer]:
        """One datagram and its sender."""
        try:
            count, sender = self._socket.recvfrom_into(self._buffer)
        except OSError:  # nothing there, or an ICMP "unreachable" for an earlier datagram
            return b"", None
        return bytes(self._buffer[:count]), (str(sender[0]), int(sender[1]))

    def write(self, data: bytes) -> int:
        """Sends one datagram; it is lost where no peer is known yet or the network refuses it, as UDP may."""
        if self._peer is not None:
            try:
                self._socket.sendto(data, self._peer)
            except BlockingIOError:
                return 0
            except OSError:
                return len(data)
        return len(data)

    def trust(self, peer: Peer) -> None:
        """Later datagrams go there."""
        self._peer = peer

    def close(self) -> None:
        """Closes it."""
        self._socket.close()


class SerialPort:
    """A serial line through pyserial."""

    def __init__(self, address: SerialAddress) -> None:
        import serial

        self._error: type[Exception] = serial.SerialException
        try:
            self._port = serial.Serial(
                address.device, address.baud, timeout=0, write_timeout=0, exclusive=None if sys.platform == "win32" else True
            )
        except serial.SerialException as error:
            raise OSError(str(error)) from error

    def fileno(self) -> int:
        """For select."""
        return int(self._port.fileno())

    def read(self) -> tuple[bytes, Peer]:
        """What is there."""
        try:
            data = bytes(self._port.read(_READ_BYTES))
        except (OSError, self._error) as error:
            raise PortClosedError(str(error)) from error
        return data, None

    def write(self, data: bytes) -> int:
        """Bytes taken."""
        try:
            return int(self._port.write(data) or 0)
        except BlockingIOError:
            return 0
        except (OSError, self._error) as error:
            raise PortClosedError(str(error)) from error

    def trust(self, peer: Peer) -> None:
        """Nothing to do: there is one peer."""

    def close(self) -> None:
        """Closes it."""
        self._port.close()


_REMEDIES = {
    SerialAddress: "plug in the radio or autopilot, check the device name and that the user may open it (group dialout)",
    UdpListenAddress: "stop the program that holds the port, or choose another address of this computer in vehicle.link",
    UdpAddress: "check the host name in vehicle.link",
    TcpAddress: "start the drone or the bridge, and check host and port in vehicle.link",
}
_OPENERS: dict[type, Callable[..., Port]] = {
    SerialAddress: SerialPort,
    UdpListenAddress: UdpPort,
    UdpAddress: UdpPort,
    TcpAddress: TcpPort,
}


def open_port(address: Address) -> Port:
    """Opens it; may block for some seconds.

    Raises:
        LinkError: it cannot be opened; the message says what to do.
    """
    try:
        return _OPENERS[type(address)](address)
    except OSError as error:
        raise LinkError("link.cannot_open", f"{address}: {error}; {_REMEDIES[type(address)]}") from error
