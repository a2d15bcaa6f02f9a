"""A certificate authority of one's own for a hub, and certificates for the broker and its clients.

For trials, exercises and small districts; an authority that exists already is better. Knows X.509. Must not know topics.
Keys are P-256, readable by their owner only. What is there already is never written over, so that clients can be added later.
"""

import ipaddress
import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from agent.core.errors import ConfigError

_AUTHORITY_DAYS = 3650
_CLOCK_SKEW = timedelta(hours=1)  # a nest's clock may be behind when it first connects
_OWNER_ONLY = 0o600
_NAME_MAX = 64  # X.520, ub-common-name


class Authority:
    """A certificate authority in a folder: ``ca.pem`` and ``ca.key``, made if they are not there.

    Args:
        directory: the folder; certificates go there too.
        now: begin of everything made.

    Raises:
        ConfigError: the folder cannot be used, or what is in it is no authority.
    """

    def __init__(self, directory: Path, now: datetime | None = None) -> None:
        self.directory = directory
        self._now = now or datetime.now(UTC)
        try:
            directory.mkdir(parents=True, exist_ok=True)
            if not (directory / "ca.pem").exists():
                self._make()
            self._key = _read_key(directory / "ca.key")
            self._certificate = x509.load_pem_x509_certificate((directory / "ca.pem").read_bytes())
        except (OSError, ValueError) as error:
            raise ConfigError("hub.tls_files", f"{directory}: no certificate authority can be used there ({error})") from error

    @property
    def ca_file(self) -> Path:
        """The authority's certificate, for everybody."""
        return self.directory / "ca.pem"

    def broker(self, addresses: Sequence[str], days: int) -> Path | None:
        """A certificate for the broker, ``broker.pem`` and ``broker.key``.

        Args:
            addresses: DNS names and IP addresses under which it is reached.
            days: how long it is good.

        Returns:
            The certificate's file; None where there is one already.
        """
        names = x509.SubjectAlternativeName([_general_name(address) for address in addresses])
        return self._issue("broker", addresses[0], ExtendedKeyUsageOID.SERVER_AUTH, days, names)

    def client(self, user: str, days: int) -> Path | None:
        """A certificate for a client, ``USER.pem`` and ``USER.key``; its common name is the user name at the broker."""
        return self._issue(user, user, ExtendedKeyUsageOID.CLIENT_AUTH, days, None)

    def _make(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name("nest hub authority")
        builder = self._builder(name, name, key.public_key(), _AUTHORITY_DAYS)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        builder = builder.add_extension(_usage(signs_certificates=True), critical=True)
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        _write_key(self.directory / "ca.key", key)
        certificate = builder.sign(key, hashes.SHA256())
        (self.directory / "ca.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def _issue(
        self, file: str, name: str, purpose: x509.ObjectIdentifier, days: int, names: x509.SubjectAlternativeName | None
    ) -> Path | None:
        path = self.directory / f"{file}.pem"
        if path.exists():
            return None
        if len(name) > _NAME_MAX:
            raise ConfigError("hub.tls_files", f"{name}: has {len(name)} letters, a certificate's name at most {_NAME_MAX}")
        key = ec.generate_private_key(ec.SECP256R1())
        builder = self._builder(_name(name), self._certificate.subject, key.public_key(), days)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(_usage(signs_certificates=False), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        builder = builder.add_extension(authority, critical=False)
        if names is not None:
            builder = builder.add_extension(names, critical=False)
        try:
            _write_key(self.directory / f"{file}.key", key)
            path.write_bytes(builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        except OSError as error:
            raise ConfigError("hub.tls_files", f"{path}: cannot be written ({error.strerror})") from error
        return path

    def _builder(
        self, subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, days: int
    ) -> x509.CertificateBuilder:
        return x509.CertificateBuilder(
            issuer_name=issuer,
            subject_name=subject,
            public_key=key,
            serial_number=x509.random_serial_number(),
            not_valid_before=self._now - _CLOCK_SKEW,
            not_valid_after=self._now + timedelta(days=days),
        )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _general_name(address: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(address))
    except ValueError:
        return x509.DNSName(address)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _read_key(path: Path) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(path.read_bytes(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError(f"{path} is no elliptic-curve key")  # noqa: TRY004 becomes a ConfigError above
    return key


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    """Writes a key as a file that was never readable by others."""
    path.unlink(missing_ok=True)
    text = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY), "wb") as file:
        file.write(text)
