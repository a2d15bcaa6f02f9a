"""One module a command; each has ``register(app)``. Found by name, so a new command is a new file."""

import importlib
import pkgutil

import typer


def register_all(app: typer.Typer) -> None:
    """Adds every command of this package to the application."""
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda found: found.name):
        importlib.import_module(f"{__name__}.{module.name}").register(app)
