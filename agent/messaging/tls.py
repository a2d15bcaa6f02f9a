"""TLS towards the broker: contexts from files that may be replaced while the agent runs, and when certificates run out.

Knows certificates and files. Must not know MQTT. New files that cannot be used leave the old ones in force, and that is told.
"""

import socket
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509

from agent.config.hub import TlsSection
from agent.core.errors import ConfigError
from agent.domain.codes import words_of
from agent.domain.status import Reason

Stamp = tuple[tuple[int, int, int] | None, ...]


class _TidySocket(ssl.SSLSocket):
    """Closes itself when the handshake fails; paho would leave it open. Notes when the broker's certificate runs out."""

    def do_handshake(self, block: bool = False) -> None:  # noqa: FBT001, FBT002 the base class's signature
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise
        context, certificate = self.context, self.getpeercert()
        until = certificate.get("notAfter") if certificate else None
        if isinstance(context, Context) and isinstance(until, str):
            context.broker_until = datetime.fromtimestamp(ssl.cert_time_to_seconds(until), UTC)


class Context(ssl.SSLContext):
    """A client's context that can expect another name than the address it connects to.

    Attributes:
        server_name: name that the broker's certificate must bear; None: the address.
        broker_until: end of the broker's certificate, known from the first handshake on.
    """

    server_name: str | None = None
    broker_until: datetime | None = None
    sslsocket_class = _TidySocket

    def wrap_socket(
        self,
        sock: socket.socket,
        server_side: bool = False,  # noqa: FBT001, FBT002
        do_handshake_on_connect: bool = True,  # noqa: FBT001, FBT002
        suppress_ragged_eofs: bool = True,  # noqa: FBT001, FBT002
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLSocket:
        """As the base class, with the name that is expected."""
        name = self.server_name or server_hostname
        return super().wrap_socket(sock, server_side, do_handshake_on_connect, suppress_ragged_eofs, name, session)


class Credentials:
    """The context for the next connection.

    Args:
        config: the files.

    Raises:
        ConfigError: a file is missing or is not what it should be.
    """

    def __init__(self, config: TlsSection) -> None:
        self._config = config
        self._stamp = self._look()
        self._unusable: Reason | None = None
        self.context = _context(config)
        self._until = _ends(config)

    def refresh(self) -> bool:
        """Takes the files anew if they changed. Returns whether there is a new context. Reads the disk."""
        stamp = self._look()
        if stamp == self._stamp:
            self._unusable = None
            return False
        try:
            self.context, self._until = _context(self._config), _ends(self._config)
        except ConfigError as error:
            words = f"{words_of('hub.new_files')} {error.message}"
            self._unusable = Reason(code="hub.new_files", words=words)
            return False
        self._stamp, self._unusable = stamp, None
        return True

    def reasons(self, now: datetime) -> tuple[Reason, ...]:
        """What is wrong, or soon will be."""
        ends = {**self._until, "the broker's": self.context.broker_until}
        found = (_expiry(whose, until, now, self._config.warn_days) for whose, until in ends.items() if until is not None)
        return tuple(reason for reason in (self._unusable, *found) if reason)

    def _look(self) -> Stamp:
        return tuple(_stamp(path) for path in (self._config.ca_file, self._config.cert_file, self._config.key_file))


def _stamp(path: Path | None) -> tuple[int, int, int] | None:
    try:
        found = path.stat() if path else None
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_size, found.st_ino) if found else None


def _expiry(whose: str, until: datetime, now: datetime, warn_days: int) -> Reason | None:
    left = until - now
    if left > timedelta(days=warn_days):
        return None
    code = "hub.certificate_expires" if left > timedelta(0) else "hub.certificate_expired"
    return Reason(code=code, words=f"{words_of(code)} {whose}, {until:%Y-%m-%d %H:%M} UTC")


def _context(config: TlsSection) -> Context:
    files = f"ca {config.ca_file}, cert {config.cert_file}, key {config.key_file}"
    try:
        context = Context(ssl.PROTOCOL_TLS_CLIENT)  # asks for a certificate and compares its name
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.server_name = config.server_name
        if config.ca_file:
            context.load_verify_locations(config.ca_file)
        else:
            context.load_default_certs()
        if config.cert_file:
            context.load_cert_chain(config.cert_file, config.key_file, password=_no_password)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError("hub.tls_files", f"{files}: {error}") from error
    return context


def _no_password() -> str:
    """For a key that is encrypted: OpenSSL would ask at the terminal, where nobody is."""
    return ""


def _ends(config: TlsSection) -> dict[str, datetime]:
    """When our certificates run out. Of several authorities the last counts: one that is replaced stays in the file a while.

    Raises:
        ConfigError: a file holds no certificates.
    """
    files = {"the nest's own": config.cert_file, "the authority's": config.ca_file}
    try:
        found = {whose: x509.load_pem_x509_certificates(path.read_bytes()) for whose, path in files.items() if path}
    except (OSError, ValueError) as error:
        raise ConfigError("hub.tls_files", f"ca {config.ca_file}, cert {config.cert_file}: {error}") from error
    ends = {whose: max(c.not_valid_after_utc for c in certificates) for whose, certificates in found.items()}
    if "the nest's own" in found:
        ends["the nest's own"] = found["the nest's own"][0].not_valid_after_utc  # the others are its issuers
    return ends
