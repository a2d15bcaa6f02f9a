"""``nest-agent codes``: what each operator-facing code means and what to do about it."""

import sys
from typing import Annotated

import typer

from agent.core.errors import ConfigError
from agent.domain.codes import Code


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(codes)


def codes(
    part: Annotated[str, typer.Argument(help="A code or the beginning of codes, e.g. dock or dock.lid_jam.")] = "",
    markdown: Annotated[bool, typer.Option("--markdown", help="As a Markdown table.")] = False,
) -> None:
    """Lists the codes with their words and what to do. Exit status 2 if there is none that begins so."""
    from agent.domain.codes import codes as read

    rows = {code: row for code, row in sorted(read().items()) if code.startswith(part)}
    if not rows:
        first = ", ".join(sorted({code.split(".")[0] for code in read()}))
        raise ConfigError("config.invalid", f"no code begins with {part!r}; the first parts are {first}")
    if markdown:
        typer.echo(_markdown(rows))
        return
    _print_table(rows)


def _markdown(rows: dict[str, Code]) -> str:
    lines = ["| code | severity | meaning | what to do |", "|---|---|---|---|"]
    lines += [f"| `{code}` | {row.severity} | {row.words} | {row.remedy} |" for code, row in rows.items()]
    return "\n".join(lines)


def _print_table(rows: dict[str, Code]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("code", "severity", "meaning", "what to do", box=None, pad_edge=False)
    for code, row in rows.items():
        table.add_row(code, row.severity, row.words, row.remedy)
    # Into a file or a pipe each row is one line, for grep.
    Console(width=None if sys.stdout.isatty() else 1000).print(table)
