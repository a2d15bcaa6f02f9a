"""``nest-agent signing``: gives the drone a signing key, or ends signing. For the technician, with the agent stopped."""

import asyncio
import os
import secrets as randomness
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agent.config.load import load
from agent.core.errors import ConfigError, ProtocolError
from agent.core.outcome import Outcome, Refused

if TYPE_CHECKING:
    from agent.config import Config
    from agent.mavlink.link import Link
    from agent.mavlink.signing import Signing

_KEY_FILE = "vehicle__signing_key"
_KEY_BYTES = 32
_OWNER_ONLY = 0o600
ConfigFile = Annotated[Path, typer.Option("-c", "--config", help="The configuration file.")]
SecretsDir = Annotated[Path, typer.Option("--secrets", help="Folder with one file a secret.")]
OtherLink = Annotated[str | None, typer.Option("--link", help="Speak over this address instead of vehicle.link, e.g. a cable.")]
Work = Callable[["Link", "Signing", bytes, float], Awaitable[Outcome]]


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    group = typer.Typer(name="signing", help="MAVLink message signing between nest and drone.", no_args_is_help=True)
    group.command()(setup)
    group.command()(off)
    app.add_typer(group)


def setup(config: ConfigFile, secrets: SecretsDir, link: OtherLink = None) -> None:
    """Makes a key where there is none, gives it to the drone, and proves that both sides use it. Use a cable."""
    from agent.mavlink.signing_setup import set_key

    made = _make_key(secrets / _KEY_FILE)
    typer.echo(f"{secrets / _KEY_FILE}: {'made' if made else 'there already, used as it is'}")
    outcome = asyncio.run(_speak(load(config, secrets), link, set_key))
    typer.echo(f"{_words(outcome)}. Set vehicle.signing to required and start the agent.")


def off(config: ConfigFile, secrets: SecretsDir, link: OtherLink = None) -> None:
    """Ends signing on the drone. The key file stays."""
    from agent.mavlink.signing_setup import take_key

    outcome = asyncio.run(_speak(load(config, secrets), link, lambda over, _, __, patience_s: take_key(over, patience_s)))
    typer.echo(f"{_words(outcome)}. Set vehicle.signing to off and start the agent.")


def _words(outcome: Outcome) -> str:
    """What was done, in words.

    Raises:
        ProtocolError: the drone refused.
    """
    if isinstance(outcome, Refused):
        from agent.domain.codes import codes

        raise ProtocolError(outcome.code, f"{outcome.words}. {codes()[outcome.code].remedy}")
    return outcome.words[:1].upper() + outcome.words[1:]


def _make_key(path: Path) -> bool:
    """Writes a random key that only the owner of the file can read. False where there is one already.

    Raises:
        ConfigError: it cannot be written.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
    except FileExistsError:
        return False
    except OSError as error:
        raise ConfigError("config.invalid", f"{path}: the key cannot be written ({error.strerror})") from error
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(randomness.token_hex(_KEY_BYTES) + "\n")
        file.flush()
        os.fsync(file.fileno())
    return True


async def _speak(config: "Config", address: str | None, work: Work) -> Outcome:
    """Opens the link, signs with the configured key, takes whatever the drone says, and does the work.

    Raises:
        ConfigError: there is no key.
        LinkError: the port cannot be opened.
    """
    from agent.core.clock import Clock
    from agent.core.tasks import background
    from agent.mavlink.link import Link
    from agent.mavlink.signing import Policy, Signing
    from agent.mavlink.stamp_file import stamps_in

    vehicle = config.vehicle
    if vehicle.key is None:
        raise ConfigError("config.invalid", f"there is no key in the secrets file {_KEY_FILE}")
    signing = Signing(vehicle.key, Policy.ALL, stamps_in(config.store.directory / "signing-time", Clock().unix_s))
    link = Link.at(address or vehicle.links[0], system=vehicle.system_id, own_system=vehicle.own_system_id, signing=signing)
    await link.open_once()
    async with background(link.run(), "mavlink link"):
        return await work(link, signing, vehicle.key, vehicle.connect_timeout_s)
