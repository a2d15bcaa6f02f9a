"""A certificate authority for one test, and a certificate of it for the loopback address."""

from pathlib import Path

from agent.messaging.certificates import Authority
from simulator.hub.broker import TlsFiles


def make_tls(directory: Path, address: str = "127.0.0.1") -> TlsFiles:
    """Makes both, in a folder that has none yet."""
    authority = Authority(directory)
    certificate = authority.broker([address], days=1)
    assert certificate is not None
    return TlsFiles(authority.ca_file, certificate, certificate.with_suffix(".key"))
