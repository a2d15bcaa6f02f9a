"""``nest-agent codes`` as a technician types it."""

from typer.testing import CliRunner

from agent.__main__ import build
from agent.core.errors import ConfigError
from agent.domain.codes import codes


def run(*arguments: str):
    return CliRunner().invoke(build(), ["codes", *arguments])


def test_all_codes_are_listed_with_words_and_remedy_on_one_line_each():
    lines = run().stdout.splitlines()
    for code, row in codes().items():
        (line,) = [found for found in lines if found.split()[:1] == [code]]
        assert row.words in line
        assert row.remedy in line


def test_the_beginning_of_a_code_selects():
    shown = run("dock.lid", "--markdown").stdout.splitlines()[2:]
    assert [line.split("`")[1] for line in shown] == sorted(code for code in codes() if code.startswith("dock.lid"))


def test_what_no_code_begins_with_is_refused_with_what_there_is():
    result = run("dokc")
    assert isinstance(result.exception, ConfigError)
    assert "dock" in str(result.exception)
