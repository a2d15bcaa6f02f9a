"""Writes an annotated example of the configuration from the model itself, so that the two cannot differ."""

from enum import Enum
from pathlib import PurePath
from types import UnionType
from typing import Any, Union, get_args, get_origin

import yaml
from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from agent.config.tree import Config

_HEADER = """\
# Configuration of a nest. Keys that are commented out show their defaults.
# Check it with: nest-agent check -c FILE
# Environment variables win over this file: NEST_HUB__HOST is hub.host. Passwords belong into the secrets directory.
"""

_REQUIRED_EXAMPLES: dict[str, Any] = {
    "nest.id": "nest-01",
    "nest.pad.lat": 30.39,
    "nest.pad.lon": 119.84,
    "nest.pad.alt_amsl_m": 30.0,
    "nest.site_file": "site.geojson",
    "nest.routes_dir": "routes",
    "store.directory": "/var/lib/nest-agent",
}


def example() -> str:
    """The example as YAML text. What must be given is given; every default is there as a comment."""
    return _HEADER + "".join(_section(Config, (), 0))


def _section(model: type[BaseModel], loc: tuple[str, ...], depth: int) -> list[str]:
    out: list[str] = []
    for name, field in model.model_fields.items():
        here = (*loc, name)
        pad = "  " * depth
        inner = _section_type(field.annotation)
        if field.description:
            out.append(f"{pad}# {' '.join(field.description.split())}{_limits(field)}\n")
        if inner is not None:
            required = _has_required(inner)
            lines = _section(inner, here, depth + 1)
            out += [f"{pad}{name}:\n", *lines] if required else _commented([f"{pad}{name}:\n", *lines], pad)
        elif field.is_required():
            out.append(f"{pad}{name}: {_yaml(_REQUIRED_EXAMPLES['.'.join(here)])}\n")
        else:
            out.append(f"{pad}#{name}: {_yaml(field.get_default(call_default_factory=True))}\n")
    return out


def _commented(lines: list[str], pad: str) -> list[str]:
    """A whole optional section as a comment that becomes valid when its marks are taken away."""
    out = []
    for line in lines:
        body = line[len(pad) :]
        words = body.lstrip()
        indent = body[: len(body) - len(words)]
        out.append(pad + (f"{indent}{words}" if words.startswith("#") else f"#{indent}{words}"))
    return out


def _section_type(annotation: Any) -> type[BaseModel] | None:  # noqa: ANN401 annotations are anything
    choices = get_args(annotation) if get_origin(annotation) in {Union, UnionType} else (annotation,)
    return next((c for c in choices if isinstance(c, type) and issubclass(c, BaseModel)), None)


def _has_required(model: type[BaseModel]) -> bool:
    return any(
        field.is_required() or ((inner := _section_type(field.annotation)) is not None and _has_required(inner))
        for field in model.model_fields.values()
    )


_SIGNS = {Ge: ("ge", "at least"), Gt: ("gt", "above"), Le: ("le", "at most"), Lt: ("lt", "below")}


def _limits(field: FieldInfo) -> str:
    rows = [(limit, _SIGNS[type(limit)]) for limit in field.metadata if type(limit) in _SIGNS]
    found = [f"{words} {getattr(limit, attribute)}" for limit, (attribute, words) in rows]
    return f" ({', '.join(found)})" if found else ""


def _yaml(value: Any) -> str:  # noqa: ANN401 any default
    return yaml.safe_dump(_plain(value), default_flow_style=True, width=1000).strip().removesuffix("...").strip()


def _plain(value: Any) -> Any:  # noqa: ANN401 any default
    if value is PydanticUndefined:
        return None
    if isinstance(value, BaseModel):
        return {k: _plain(getattr(value, k)) for k in type(value).model_fields}
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(v) for v in value]
    if isinstance(value, Enum):
        return value.value
    return str(value) if isinstance(value, PurePath) else value
