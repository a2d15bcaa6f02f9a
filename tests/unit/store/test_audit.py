"""The audit log: whatever is changed, taken out or put in afterwards is found."""

from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from agent.__main__ import build
from agent.core.errors import NestError
from agent.store import audit
from agent.store.audit import AuditEntry
from agent.store.database import Database

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.fixture
def log(tmp_path):
    """A log of five entries in the place where an agent keeps it."""
    database = Database.open(tmp_path / "data" / "hub.sqlite", "hub")
    with database.transaction() as connection:
        heads = [audit.append(connection, AuditEntry(at=NOON, what="request", department=f"d{n}")) for n in range(5)]
    yield database, heads
    database.close()


def changed(database, statement):
    with database.transaction() as connection:
        connection.execute(statement)
    return audit.verify(audit.read(database.path))


def test_a_whole_log_is_right_and_names_its_end(log):
    database, heads = log
    assert audit.verify(audit.read(database.path)) == audit.Verdict(5, heads[-1])


@pytest.mark.parametrize(
    ("statement", "right"),
    [
        ("UPDATE audit SET body = replace(body, 'd2', 'd7') WHERE seq = 3", 2),
        ("UPDATE audit SET sha256 = previous WHERE seq = 3", 2),
        ("DELETE FROM audit WHERE seq = 3", 2),
        ("DELETE FROM audit WHERE seq = 1", 0),
        ("UPDATE audit SET seq = seq + 1 WHERE seq = 5", 4),
        ("UPDATE audit SET previous = sha256 WHERE seq = 1", 0),
    ],
)
def test_what_was_changed_is_found(log, statement, right):
    verdict = changed(log[0], statement)
    assert (verdict.entries, bool(verdict.broken)) == (right, True)


@pytest.fixture
def run(tmp_path):
    nest = "nest: {id: n1, pad: {lat: 30.39, lon: 119.84, alt_amsl_m: 30}, site_file: s, routes_dir: r}"
    (tmp_path / "nest.yaml").write_text(f"{nest}\nstore: {{directory: data}}\n")

    def invoke(*arguments):
        return CliRunner().invoke(build(), ["audit", *arguments, "-c", str(tmp_path / "nest.yaml")])

    return invoke


def test_the_command_verifies_while_the_agent_runs_and_finds_a_digest_that_a_department_kept(log, run):
    result = run("verify", "--kept", log[1][2])
    assert result.exit_code == 0
    assert "5 entries" in result.output
    assert log[1][-1] in result.output


def test_a_log_that_was_cut_short_lacks_what_a_department_kept(log, run):
    database, heads = log
    assert changed(database, "DELETE FROM audit WHERE seq > 3").broken == "", "the chain itself is whole"
    result = run("verify", "--kept", heads[4])
    assert isinstance(result.exception, NestError)
    assert result.exception.code == "audit.broken"


def test_a_changed_log_is_an_error_that_names_the_entry(log, run):
    changed(log[0], "UPDATE audit SET body = replace(body, 'd2', 'd7') WHERE seq = 3")
    result = run("verify")
    assert result.exception.code == "audit.broken"
    assert "entry 3 was changed" in result.exception.message


def test_the_last_entries_are_shown_as_lines(log, run):
    result = run("show", "--last", "2")
    assert [line.split('"department":"')[1][:2] for line in result.output.splitlines()] == ["d3", "d4"]
