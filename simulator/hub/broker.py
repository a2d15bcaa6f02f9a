"""Starts, breaks and restarts an MQTT broker on the loopback interface: Mosquitto where it is installed, else pure Python.

Knows processes and Mosquitto's configuration file. Must not know topics or payloads. Blocking calls, each ends within seconds.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self

from agent.core.errors import ConfigError, LinkError
from simulator.ports import free_port

Kind = Literal["auto", "mosquitto", "embedded"]
HOST = "127.0.0.1"
_START_TIMEOUT_S = 15.0
_STOP_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class TlsFiles:
    """PEM files of the broker. With ``require_certificate`` clients must bring one of ``ca_file``."""

    ca_file: Path
    cert_file: Path
    key_file: Path
    require_certificate: bool = False


@dataclass(frozen=True)
class BrokerOptions:
    """How the broker shall be.

    Attributes:
        users: name -> password; empty: everybody may come in.
        tls: TLS, Mosquitto only.
        acl: text of an access list, Mosquitto only.
        extra: further lines for Mosquitto's configuration.
        whole: Mosquitto's whole configuration in place of all this, ``{port}`` and ``{directory}`` filled in.
    """

    users: dict[str, str] = field(default_factory=dict)
    tls: TlsFiles | None = None
    acl: str | None = None
    extra: tuple[str, ...] = ()
    whole: str | None = None


def find_mosquitto() -> str | None:
    """The Mosquitto program; also looked for where Debian puts it, which is not on every user's PATH."""
    return shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/opt/homebrew/sbin")


class Broker:
    """A broker as a process. Use it as a context manager.

    Args:
        directory: its configuration, state and log.
        kind: which one; ``auto`` takes Mosquitto if it is there.
        port: 0 takes a free one.
        options: users, TLS, rights.

    Raises:
        ConfigError: Mosquitto is asked for and not installed.
    """

    def __init__(self, directory: Path, kind: Kind = "auto", port: int = 0, options: BrokerOptions | None = None) -> None:
        self.program = find_mosquitto()
        if kind == "mosquitto" and self.program is None:
            raise ConfigError("sim.no_mosquitto", "mosquitto is not installed; apt-get install mosquitto (or brew install it)")
        self.kind: Literal["mosquitto", "embedded"] = "embedded" if kind == "embedded" or self.program is None else "mosquitto"
        self.directory = directory
        self.host = HOST
        self.port = port or free_port()
        self.options = options or BrokerOptions()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def log_file(self) -> Path:
        """What the broker says."""
        return self.directory / "broker.log"

    @property
    def pid(self) -> int | None:
        """Its process; None while it does not run."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Starts it and waits until it takes connections.

        Raises:
            LinkError: it does not come up; the message holds the end of its log.
        """
        if self._process is not None:
            return
        self.directory.mkdir(parents=True, exist_ok=True)
        command = self._mosquitto() if self.kind == "mosquitto" else self._embedded()
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)  # noqa: S603 our own command
        self._await_port()

    def stop(self) -> None:
        """Ends it as an administrator would; its state stays on disk where it has any."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Ends it as a power cut would."""
        self._end(signal.SIGKILL)

    def restart(self, *, keep_state: bool = True) -> None:
        """Starts it again on the same port; without state it has forgotten retained messages and sessions."""
        self.stop()
        if not keep_state:
            self.forget()
        self.start()

    def forget(self) -> None:
        """Deletes the state of a stopped broker."""
        (self.directory / "mosquitto.db").unlink(missing_ok=True)

    def pause(self) -> None:
        """Freezes it: connections stay, nothing is answered."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Lets it go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        if self._process is not None:
            self._process.send_signal(number)

    def _end(self, number: int) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGCONT)
        process.send_signal(number)
        try:
            process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _await_port(self) -> None:
        process = self._process
        assert process is not None  # noqa: S101 start() made it
        deadline = time.monotonic() + _START_TIMEOUT_S
        while time.monotonic() < deadline and process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection((HOST, self.port), timeout=1.0):
                return
            time.sleep(0.02)
        self._end(signal.SIGKILL)
        tail = self.log_file.read_text(encoding="utf-8", errors="replace")[-1000:]
        raise LinkError("sim.broker", f"the broker ({self.kind}) does not take connections at {HOST}:{self.port}\n{tail}")

    def _mosquitto(self) -> list[str]:
        assert self.program is not None  # noqa: S101 chosen in the constructor
        path = self.directory / "mosquitto.conf"
        whole = self.options.whole
        text = "\n".join(self._mosquitto_lines()) if whole is None else self._filled(whole)
        path.write_text(text + "\n", encoding="utf-8")
        return [self.program, "-c", str(path)]

    def _filled(self, whole: str) -> str:
        text = whole.replace("{port}", f"{self.port} {HOST}").replace("{directory}", str(self.directory))
        return text + ("\nuser root" if os.geteuid() == 0 else "")

    def _mosquitto_lines(self) -> list[str]:
        options = self.options
        lines = [
            f"listener {self.port} {HOST}",
            f"allow_anonymous {'false' if options.users else 'true'}",
            "persistence true",
            f"persistence_location {self.directory}/",
            "persistence_file mosquitto.db",
            "autosave_interval 1",
            "max_queued_messages 0",
            "log_dest stdout",
            "log_timestamp_format %Y-%m-%dT%H:%M:%S",
        ]
        if os.geteuid() == 0:
            lines.append("user root")
        if options.users:
            lines.append(f"password_file {self._password_file()}")
        if options.acl is not None:
            acl = self.directory / "acl"
            acl.write_text(options.acl, encoding="utf-8")
            lines.append(f"acl_file {acl}")
        if options.tls:
            lines += [f"cafile {options.tls.ca_file}", f"certfile {options.tls.cert_file}", f"keyfile {options.tls.key_file}"]
            lines.append(f"require_certificate {'true' if options.tls.require_certificate else 'false'}")
        return [*lines, *options.extra]

    def _password_file(self) -> Path:
        path = self.directory / "passwords"
        path.write_text("".join(f"{user}:{password}\n" for user, password in self.options.users.items()), encoding="utf-8")
        path.chmod(0o600)
        tool = shutil.which("mosquitto_passwd") or "mosquitto_passwd"
        subprocess.run([tool, "-U", str(path)], check=True, capture_output=True)  # noqa: S603 hashes the passwords in place
        return path

    def _embedded(self) -> list[str]:
        if self.options.tls or self.options.acl is not None:
            raise ConfigError("sim.no_mosquitto", "TLS and access lists need mosquitto; the embedded broker has neither")
        command = [sys.executable, "-m", "simulator.hub.embedded", "--port", str(self.port)]
        for user, password in self.options.users.items():
            command += ["--user", f"{user}:{password}"]
        return command
