"""What a dispatcher's desk is told by people. It is a program of its own, so this is a tree and a file of its own."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from agent.config.hub import DepartmentName, HubSection
from agent.config.load import load_as
from agent.config.section import ExpandedPath, Port, Section
from agent.domain.request import Name
from agent.domain.wire import Latitude, Longitude, Person


class DeskUser(Section):
    """Somebody who may open the page."""

    name: Person
    """Who it is, as it stands in alerts and audit logs."""
    password: Annotated[SecretStr, Field(min_length=20)]
    """A hash, made by ``nest-desk password``; put it into the secrets directory as users__LOGIN__password if you like."""
    role: Literal["dispatcher", "viewer"] = "dispatcher"
    """A viewer sees everything and can do nothing."""


class WebSection(Section):
    """The page."""

    address: str = "127.0.0.1"
    """Where it listens. Beyond this machine it needs a certificate, or a proxy that has one."""
    port: Port = 8700
    """Port of the page."""
    cert_file: ExpandedPath | None = None
    """Certificate of the page."""
    key_file: ExpandedPath | None = None
    """Its key."""
    behind_proxy: bool = False
    """A proxy on the same machine does HTTPS and sets X-Forwarded-For and X-Forwarded-Proto."""
    session_key: SecretStr | None = None
    """Signs the sessions; 32 random characters. Without it everybody logs in again after a restart."""
    session_h: float = Field(default=12.0, gt=0, le=168)
    """So long a login holds."""


class MapSection(Section):
    """What lies under the alerts. Nothing of it comes from the internet unless tiles_url says so."""

    layers: tuple[ExpandedPath, ...] = ()
    """GeoJSON files, the lowest first. ``kind`` of a feature (water, wood, road, power_line, ...) chooses its style."""
    tiles_url: str | None = Field(default=None, pattern=r"^https://[^\s/]+/.*\{z\}.*$")
    """Map tiles, as https://HOST/{z}/{x}/{y}.png. The browsers of dispatchers ask that host."""
    tiles_credit: str = ""
    """What the makers of the tiles want to have written on the map."""
    lat: Latitude | None = None
    """Middle of the district; without it the map shows the layers and nests."""
    lon: Longitude | None = None
    """The same."""


class RouteChoice(Section):
    """A route that may be asked for."""

    id: Name
    """As in the nest's library."""
    scenario: Name
    """The route's scenario."""
    title: str = ""
    """What dispatchers call it."""


class DeskConfig(BaseSettings):
    """A desk of one department.

    Sources, the first wins: environment (``NEST_DESK_HUB__HOST``), secrets directory (a file ``hub__password``), the YAML file.
    """

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix="NEST_DESK_", env_nested_delimiter="__", use_attribute_docstrings=True
    )

    department: DepartmentName
    """Whose desk it is; the broker must know its login under the same name."""
    station: DepartmentName = "desk"
    """Tells several desks of one department apart at the broker."""
    hub: HubSection = HubSection()
    """The broker."""
    web: WebSection = WebSection()
    """The page."""
    users: dict[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,30}$")], DeskUser] = Field(default_factory=dict)
    """Who may open the page, by login."""
    history: str = "sqlite:///desk.sqlite"
    """Where what was said is kept: sqlite:///FILE or postgresql+psycopg://USER@HOST/DATABASE."""
    signing_key_file: ExpandedPath | None = None
    """Ed25519 key (PEM) with which requests are signed."""
    map: MapSection = MapSection()
    """The map."""
    routes: dict[str, tuple[RouteChoice, ...]] = Field(default_factory=dict)
    """Routes that may be asked for, by nest."""
    scenarios: tuple[Name, ...] = ("fire", "flood", "line", "search")
    """For which purposes flights may be asked for."""


def load_desk(path: Path, secrets_dir: Path | None = None) -> DeskConfig:
    """Reads and checks a desk's configuration. Relative paths count from the file's folder.

    Raises:
        ConfigError: with one line for each thing that is wrong.
    """
    config = load_as(DeskConfig, path, secrets_dir)
    folder = path.resolve().parent
    tls = config.hub.tls
    if tls:
        tls = tls.model_copy(update=_anchored(folder, tls, "ca_file", "cert_file", "key_file"))
    layers = tuple(folder / layer for layer in config.map.layers)
    history = config.history
    if history.startswith("sqlite:///"):
        history = f"sqlite:///{folder / history.removeprefix('sqlite:///')}"
    return config.model_copy(
        update={
            "hub": config.hub.model_copy(update={"tls": tls}),
            "web": config.web.model_copy(update=_anchored(folder, config.web, "cert_file", "key_file")),
            "map": config.map.model_copy(update={"layers": layers}),
            "history": history,
            **_anchored(folder, config, "signing_key_file"),
        }
    )


def _anchored(folder: Path, holder: object, *names: str) -> dict[str, Path]:
    return {name: folder / value for name in names if (value := getattr(holder, name))}
