"""``nest-agent check``: is this configuration one that a nest can fly with?"""

from pathlib import Path
from typing import Annotated

import typer

from agent.config import Config
from agent.config.load import load
from agent.core.errors import ConfigError, NestError
from agent.core.geo import LatLon
from agent.core.terrain import Terrain
from agent.domain.route import Route, Site
from agent.routes.area import load_area
from agent.routes.checks import Limits, check_energy, check_plan
from agent.routes.compile import Pad, compile_route
from agent.routes.energy import EnergyModel, WindEstimate
from agent.routes.library import load_routes, load_site


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(check)


def check(
    config: Annotated[Path, typer.Option("-c", "--config", help="The configuration file.")],
    secrets: Annotated[Path | None, typer.Option(help="Folder with one file a secret.")] = None,
) -> None:
    """Checks the configuration, the site, every route and the models. Exit status 0 only if all is right."""
    read = load(config, secrets)
    problems = [*_routes(read), *_areas(read), *_models(read)]
    for problem in problems:
        typer.echo(problem, err=True)
    if problems:
        raise ConfigError("config.invalid", f"{len(problems)} to correct; see above")
    typer.echo(f"{config}: right")


def _routes(config: Config) -> list[str]:
    """What is wrong with site, terrain, routes and calendar; each as a line."""
    try:
        site = load_site(config.nest.site_file)
        routes = load_routes(config.nest.routes_dir)
        terrain = Terrain.load(config.nest.terrain_file) if config.nest.terrain_file else None
    except NestError as error:
        return [str(error)]
    unknown = sorted({entry.route for entry in config.missions.schedule} - routes.keys())
    problems = [f"route.unknown: the calendar names route {name!r}, which is not in the library" for name in unknown]
    for route in routes.values():
        problems += _one_route(config, route, site, terrain)
    return problems


def _areas(config: Config) -> list[str]:
    """What is wrong with the departments' areas."""
    problems = []
    for rights in config.requests.departments.values():
        try:
            if rights.area_file:
                load_area(rights.area_file)
        except ConfigError as error:
            problems.append(str(error))
    return problems


def _models(config: Config) -> list[str]:
    """Loads every detector and proves it on its golden picture."""
    from agent.vision.perception import load_networks

    try:
        load_networks(config.vision.models, config.vision.threads)
    except NestError as error:
        return [str(error)]
    return []


def _one_route(config: Config, route: Route, site: Site, terrain: Terrain | None) -> list[str]:
    pad = Pad(LatLon(config.nest.pad.lat, config.nest.pad.lon), config.nest.pad.alt_amsl_m)
    flight = config.flight
    try:
        plan = compile_route(route, site, pad, terrain, flight.takeoff_alt_rel_m)
    except ConfigError as error:
        return [str(error)]
    limits = Limits(flight.fence_margin_m, flight.clearance_min_m, flight.return_alt_rel_m)
    refused = check_plan(plan, pad, terrain, limits)
    energy = EnergyModel(flight.cruise_power_w, flight.battery_capacity_wh)
    too_long, _ = check_energy(plan, pad, energy, route.speed_m_s, WindEstimate(), 1.0, flight.battery_reserve)
    return [f"{r.code}: route {route.id}: {r.words}" for r in (*refused, *([too_long] if too_long else []))]
