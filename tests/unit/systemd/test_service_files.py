"""The service files are such as systemd takes. Without systemd on the machine there is nothing to ask."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SYSTEMD = Path(__file__).parents[3] / "systemd"
needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")


@pytest.fixture(params=["nest-agent", "nest-desk"])
def unit(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The unit with a program that exists here."""
    text = (SYSTEMD / f"{request.param}.service").read_text(encoding="utf-8")
    program = f"/opt/{request.param}/bin/{request.param}"
    assert text.count(program) == 1
    path = tmp_path / f"{request.param}.service"
    path.write_text(text.replace(program, sys.executable), encoding="utf-8")
    return path


@needs_systemd
def test_systemd_has_nothing_to_say_against_the_unit(unit):
    told = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False)
    assert (told.returncode, told.stderr) == (0, "")


@needs_systemd
def test_the_service_is_hardened(unit):
    command = ["systemd-analyze", "security", "--offline=true", str(unit)]
    told = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    level = re.search(r"exposure level for nest-\w+\.service: ([\d.]+)", told)
    assert level is not None, told
    assert float(level[1]) <= 2.5


@pytest.mark.skipif(shutil.which("systemd-sysusers") is None, reason="systemd-sysusers is not installed")
@pytest.mark.parametrize("user", ["nest-agent", "nest-desk"])
def test_the_user_can_be_made(user):
    command = ["systemd-sysusers", "--dry-run", str(SYSTEMD / "sysusers.d" / f"{user}.conf")]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr


def test_unit_users_and_folders_speak_of_the_same():
    unit = (SYSTEMD / "nest-agent.service").read_text(encoding="utf-8")
    folders = (SYSTEMD / "tmpfiles.d" / "nest-agent.conf").read_text(encoding="utf-8")
    users = (SYSTEMD / "sysusers.d" / "nest-agent.conf").read_text(encoding="utf-8")
    assert "User=nest-agent" in unit
    assert "u nest-agent " in users
    for group in re.search(r"^SupplementaryGroups=(.*)$", unit, re.MULTILINE)[1].split():
        assert f"m nest-agent {group}" in users
    assert "--secrets /etc/nest-agent/secrets" in unit
    assert "d /etc/nest-agent/secrets " in folders
