"""Reads the configuration file and says in plain words what is wrong with it.

A wrong value is named with file, line, key, value and limit, all of them at once: a technician corrects a file in one go.
"""

import os
import re
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NestedSecretsSettingsSource, PydanticBaseSettingsSource

from agent.config.tree import Config
from agent.core.errors import ConfigError

T = TypeVar("T", bound=BaseSettings)

_REMEDY = {
    "missing": "add it",
    "extra_forbidden": "remove it or correct its spelling",
    "enum": "use one of the values named",
    "literal_error": "use one of the values named",
}


_SECRET = ("password", "signing_key", "session_key")  # keys whose values are never shown


class _Loader(yaml.SafeLoader):
    """YAML without the old number base 60: ``12:30`` is a time of day, not 750."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in rows if tag not in {"tag:yaml.org,2002:int", "tag:yaml.org,2002:float"}]
    for first, rows in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"[-+]?(0x[0-9a-fA-F]+|[0-9]+)$"), list("-+0123456789"))
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+|[0-9]+)([eE][-+]?[0-9]+)?$|[-+]?\.(inf|nan)$"),
    list("-+.0123456789"),
)


def load(path: Path, secrets_dir: Path | None = None) -> Config:
    """Reads and checks a configuration.

    Relative paths in the file count from the file's own folder.

    Args:
        path: the YAML file.
        secrets_dir: folder with one file a secret, e.g. ``hub__password``.

    Raises:
        ConfigError: with one line for each thing that is wrong.
    """
    return _anchored(load_as(Config, path, secrets_dir), path.resolve().parent)


def load_as(tree_type: type[T], path: Path, secrets_dir: Path | None = None) -> T:
    """Reads and checks a configuration of another program; paths are left as they stand.

    Raises:
        ConfigError: with one line for each thing that is wrong.
    """
    tree, lines = _parse(path, _read_text(path))
    try:
        return _with_sources(tree_type, secrets_dir)(**tree)
    except ValidationError as error:
        prefix = tree_type.model_config.get("env_prefix", "")
        problems = [_describe(path, lines, details, prefix) for details in error.errors()]
        raise ConfigError("config.invalid", f"{len(problems)} to correct\n" + "\n".join(problems)) from error


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigError("config.invalid", f"{path}: there is no such file; nest-agent example writes one") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("config.invalid", f"{path}: cannot be read as UTF-8 text ({error})") from error


def _parse(path: Path, text: str) -> tuple[dict[str, Any], dict[tuple[str, ...], int]]:
    """The file's tree, and the line of each key."""
    try:
        node = yaml.compose(text, _Loader)
        tree = yaml.load(text, _Loader)  # noqa: S506 a subclass of SafeLoader
    except yaml.YAMLError as error:
        raise ConfigError("config.invalid", f"{path}: not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(tree, dict):
        raise ConfigError("config.invalid", f"{path}: holds {type(tree).__name__}, it must hold keys such as nest: and store:")
    lines: dict[tuple[str, ...], int] = {}
    _collect_lines(node, (), lines)
    return tree, lines


def _collect_lines(node: yaml.Node | None, loc: tuple[str, ...], lines: dict[tuple[str, ...], int]) -> None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            here = (*loc, str(key.value))
            lines[here] = key.start_mark.line + 1
            _collect_lines(value, here, lines)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            lines[(*loc, str(index))] = value.start_mark.line + 1
            _collect_lines(value, (*loc, str(index)), lines)


def _with_sources(tree_type: type[T], secrets_dir: Path | None) -> type[T]:
    """The tree with its sources in order: environment, secrets, file."""

    class _Sourced(tree_type):  # type: ignore[misc, valid-type]
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],  # noqa: ARG003 the base class's signature
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 a nest has no such file
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            if secrets_dir is None:
                return env_settings, init_settings
            if not secrets_dir.is_dir():
                raise ConfigError("config.invalid", f"secrets directory {secrets_dir}: there is no such folder")
            nested = NestedSecretsSettingsSource(
                file_secret_settings, secrets_dir=secrets_dir, secrets_prefix="", secrets_nested_delimiter="__"
            )
            return env_settings, nested, init_settings

    return _Sourced


def _describe(path: Path, lines: dict[tuple[str, ...], int], details: ErrorDetails, prefix: str) -> str:
    """One line for one error: file:line, key, value, what it must be, what to do."""
    loc = tuple(str(part) for part in details["loc"])
    variable = prefix + "__".join(loc).upper()
    if variable in os.environ:
        where = f"environment {variable}"
    else:
        known = next((loc[:n] for n in range(len(loc), 0, -1) if loc[:n] in lines), None)
        where = f"{path}:{lines[known]}" if known else str(path)
    key = ".".join(loc) or "(whole file)"
    kind = details["type"]
    given = details["input"]
    secret = any(word in key for word in _SECRET)
    value = "" if kind == "missing" or isinstance(given, dict) or secret else f" is {given!r};"
    remedy = _REMEDY.get(kind, "correct the value")
    return f"  {where}: {key}:{value} {details['msg'][0].lower()}{details['msg'][1:]}; {remedy}"


def _anchored(config: Config, folder: Path) -> Config:
    """The configuration with relative paths counted from the file's folder."""
    nest = config.nest
    terrain = nest.terrain_file
    nest = nest.model_copy(
        update={
            "site_file": folder / nest.site_file,
            "routes_dir": folder / nest.routes_dir,
            "terrain_file": folder / terrain if terrain else None,
        }
    )
    store = config.store.model_copy(update={"directory": folder / config.store.directory})
    vision = config.vision.model_copy(update={"models": tuple(folder / model for model in config.vision.models)})
    tls = config.hub.tls
    if tls:
        files = {name: folder / value for name in ("ca_file", "cert_file", "key_file") if (value := getattr(tls, name))}
        tls = tls.model_copy(update=files)
    hub = config.hub.model_copy(update={"tls": tls})
    departments = {
        name: rights.model_copy(update={"area_file": folder / rights.area_file}) if rights.area_file else rights
        for name, rights in config.requests.departments.items()
    }
    requests = config.requests.model_copy(update={"departments": departments})
    return config.model_copy(update={"nest": nest, "store": store, "vision": vision, "hub": hub, "requests": requests})
