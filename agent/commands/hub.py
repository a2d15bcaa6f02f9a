"""``nest-agent hub``: the broker's access list and its certificates, from the configurations of the nests."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from agent.config.load import load
from agent.core.errors import ConfigError

ConfigFiles = Annotated[list[Path], typer.Option("-c", "--config", help="A nest's configuration. Repeat it for each nest.")]
MoreNests = Annotated[list[str] | None, typer.Option("--nest", help="A further nest by name. Repeat it for more.")]
MoreDepartments = Annotated[list[str] | None, typer.Option("--department", help="A further department. Repeat it for more.")]

_commands = typer.Typer(help="What the broker needs: its access list and certificates.", no_args_is_help=True)


class Format(StrEnum):
    """Brokers whose access list can be written."""

    MOSQUITTO = "mosquitto"
    EMQX = "emqx"


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.add_typer(_commands, name="hub")


@_commands.command()
def acl(
    config: ConfigFiles,
    nest: MoreNests = None,
    department: MoreDepartments = None,
    broker: Annotated[Format, typer.Option("--for", help="Which broker.")] = Format.MOSQUITTO,
) -> None:
    """Prints the access list: each nest and department its own, the public only what is public."""
    from agent.messaging.acl import emqx, identities, mosquitto

    root, nests, departments = _named(config)
    write = mosquitto if broker is Format.MOSQUITTO else emqx
    typer.echo(write(root, identities((*nests, *(nest or ())), (*departments, *(department or ())))), nl=False)


@_commands.command()
def certs(
    out: Annotated[Path, typer.Option(help="Folder for keys and certificates; an authority that is there is used.")],
    address: Annotated[list[str], typer.Option(help="DNS name or IP address of the broker. Repeat it for more.")],
    config: Annotated[
        list[Path] | None, typer.Option("-c", "--config", help="A nest's configuration; may be repeated.")
    ] = None,
    nest: MoreNests = None,
    department: MoreDepartments = None,
    days: Annotated[int, typer.Option(min=1, max=3650, help="How long certificates are good.")] = 397,
) -> None:
    """Makes a certificate authority, and certificates for the broker, the nests, the departments and the public.

    What is there already stays as it is; delete a certificate to have it made anew.
    """
    from agent.messaging.acl import identities
    from agent.messaging.certificates import Authority

    _, nests, departments = _named(config) if config else ("", set(), set())
    authority = Authority(out)
    made = [authority.broker(address, days)]
    clients = identities((*nests, *(nest or ())), (*departments, *(department or ())))
    made += [authority.client(client.user, days) for client in clients]
    for path in filter(None, made):
        typer.echo(f"{path} and its key")
    typer.echo(f"Authority: {authority.ca_file}. Keep ca.key off the broker and the nests.")


def _named(files: list[Path]) -> tuple[str, set[str], set[str]]:
    """Topic root, nests and departments of the configurations.

    Raises:
        ConfigError: they are not of one hub.
    """
    configs = [load(file) for file in files]
    roots = {config.hub.topic_root for config in configs}
    if len(roots) > 1:
        raise ConfigError("config.invalid", f"hub.topic_root differs between the files: {', '.join(sorted(roots))}; use one")
    departments = {name for config in configs for name in (*config.alerts.departments, *config.requests.departments)}
    return roots.pop(), {config.nest.id for config in configs}, departments
