"""``nest-agent hub``: the access list and the certificates from configurations."""

from pathlib import Path

import pytest
from cryptography import x509
from typer.testing import CliRunner

from agent.__main__ import build
from agent.config.example import example
from agent.core.errors import ConfigError
from agent.messaging.certificates import Authority


def _run(*arguments: object) -> str:
    result = CliRunner().invoke(build(), ["hub", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "nest.yaml"
    path.write_text(example(), encoding="utf-8")
    return path


def test_the_access_list_names_nests_and_departments_of_the_configuration_and_more(config: Path) -> None:
    text = _run("acl", "-c", config, "--nest", "nest-02", "--department", "grid")
    users = [line.split()[1] for line in text.splitlines() if line.startswith("user ")]
    assert users == [
        *("nest-nest-01", "nest-nest-02"),
        *("desk-emergency", "desk-forestry", "desk-grid", "desk-water"),
        "public",
    ]
    assert "topic write nest/v1/nests/nest-02/#" in text.splitlines()
    assert '{allow, {username, "desk-grid"}, publish' in _run("acl", "-c", config, "--department", "grid", "--for", "emqx")


def test_nests_of_two_hubs_have_no_common_access_list(config: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(example() + "hub:\n  topic_root: elsewhere\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="topic_root"):
        _run("acl", "-c", config, "-c", other)


def test_certificates_are_made_once_and_kept(config: Path, tmp_path: Path) -> None:
    out = tmp_path / "hub"
    _run("certs", "-c", config, "--out", out, "--address", "hub.example.org", "--address", "10.0.0.7")
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    assert {"ca.pem", "ca.key", "broker.pem", "broker.key", "nest-nest-01.pem", "desk-water.key", "public.pem"} <= set(before)
    assert all(path.stat().st_mode & 0o077 == 0 for path in out.glob("*.key"))
    broker = x509.load_pem_x509_certificate(before["broker.pem"])
    names = broker.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["hub.example.org"]
    assert [str(a) for a in names.get_values_for_type(x509.IPAddress)] == ["10.0.0.7"]

    told = _run("certs", "-c", config, "--out", out, "--address", "hub.example.org", "--nest", "nest-02")
    after = {path.name: path.read_bytes() for path in out.iterdir()}
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == {"nest-nest-02.pem", "nest-nest-02.key"}
    assert "nest-nest-02.pem" in told
    assert "broker.pem" not in told


@pytest.mark.parametrize("spoilt", ["ca.pem", "ca.key"])
def test_what_is_no_authority_is_said(tmp_path: Path, spoilt: str) -> None:
    Authority(tmp_path)
    (tmp_path / spoilt).write_text("nonsense")
    with pytest.raises(ConfigError, match=str(tmp_path)):
        Authority(tmp_path)


def test_a_name_that_fits_no_certificate_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="64"):
        Authority(tmp_path).client("nest-" + "x" * 63, 1)
