"""The operator-facing codes and their words, read from ``codes.yaml`` beside this file."""

from functools import cache
from importlib.resources import files
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter


class Code(BaseModel):
    """One row: what a code says to a person and what the person can do."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    words: str
    remedy: str
    severity: Literal["info", "warning", "error"]


@cache
def codes() -> dict[str, Code]:
    """All rows by code.

    Raises:
        pydantic.ValidationError: the data file is wrong; a test keeps it right.
    """
    text = files("agent.domain").joinpath("codes.yaml").read_text(encoding="utf-8")
    return TypeAdapter(dict[str, Code]).validate_python(yaml.safe_load(text))


def is_error(code: str) -> bool:
    """Whether a code keeps something from working; one without a row is taken for the worst."""
    row = codes().get(code)
    return row is None or row.severity == "error"


def words_of(code: str) -> str:
    """The words of a code; the code itself where it has no row."""
    row = codes().get(code)
    return row.words if row else code
