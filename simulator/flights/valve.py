"""A wire between vehicle and agent that can be cut. UDP on the loopback interface; a thread of its own passes datagrams on."""

import selectors
import socket
import threading
from typing import Self


class Valve:
    """Use as a ``with`` block; open at first.

    Args:
        port: where the vehicle sends.
        agent_port: where the agent listens.
    """

    def __init__(self, port: int, agent_port: int) -> None:
        self._agent = ("127.0.0.1", agent_port)
        self._vehicle: tuple[str, int] | None = None
        self._outside = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._outside.bind(("127.0.0.1", port))
        self._inside = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._inside.bind(("127.0.0.1", 0))
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="valve", daemon=True)
        self.open = True
        self.dropped = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._outside.close()
        self._inside.close()

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            for end in (self._outside, self._inside):
                selector.register(end, selectors.EVENT_READ)
            while not self._stop.is_set():
                for key, _ in selector.select(0.1):
                    self._pass(key.fileobj)

    def _pass(self, end: object) -> None:
        outward = end is self._inside
        try:
            if outward:
                data = self._inside.recv(4096)
            else:
                data, self._vehicle = self._outside.recvfrom(4096)
            if not self.open:
                self.dropped += 1
            elif not outward:
                self._inside.sendto(data, self._agent)
            elif self._vehicle is not None:
                self._outside.sendto(data, self._vehicle)
        except ConnectionRefusedError:
            return  # the agent, or the vehicle, does not listen just now
