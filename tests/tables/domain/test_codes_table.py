"""Every code that the program can say has its row, and every row says something."""

import ast
from pathlib import Path

import pytest

from agent.domain.codes import codes

ROOT = Path(__file__).parents[3]
SAYS_CODE_FIRST = {
    "Refused",
    "NestError",
    "ConfigError",
    "LinkError",
    "ProtocolError",
    "DeviceError",
    "ModelError",
    "StoreError",
    "note",
}


def said() -> set[tuple[str, str]]:
    """(code, where) of every code that stands as a literal where errors and refusals are made."""
    found = set()
    for folder in ("agent", "simulator"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and node.args and _name(node.func) in SAYS_CODE_FIRST:
                    first = node.args[0]
                    if isinstance(first, ast.Constant) and isinstance(first.value, str):
                        found.add((first.value, f"{path.relative_to(ROOT)}:{node.lineno}"))
    return found


def _name(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def test_the_search_finds_codes():
    assert len(said()) > 50


def test_every_code_has_its_row():
    missing = sorted(f"{code} ({where})" for code, where in said() if code not in codes())
    assert missing == []


@pytest.mark.parametrize("code", codes())
def test_every_row_has_words_and_a_remedy(code):
    row = codes()[code]
    assert row.words[0].isupper()
    assert row.words.endswith(".")
    assert row.remedy.endswith((".", "?"))
    assert len(row.words) <= 80
