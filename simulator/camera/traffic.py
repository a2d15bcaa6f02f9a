"""Small things that move or shine and are no hazard: cars, their dust, glinting roofs."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from simulator.camera.projection import Camera
from simulator.world.landcover import Road
from simulator.world.noise import hash_unit
from simulator.world.raster import Field2D, Picture
from simulator.world.scene import World

Points = NDArray[np.float64]

_FARTHEST_M = 1_500.0

_PAINTS = ((30, 28, 180), (225, 225, 225), (40, 40, 42), (150, 150, 152), (160, 90, 40), (20, 120, 230), (60, 60, 110))


def draw_traffic(picture: Picture, camera: Camera, world: World, world_s: float, depth_m: Field2D) -> None:
    """Cars on the roads, dust behind those on earth tracks, sun in metal roofs. In place."""
    looks = world.config.lookalikes
    roads = [world.cover.roads[number % len(world.cover.roads)] for number in range(looks.cars)]
    places = [_on_road(road, number, world_s, world.config.seed) for number, road in enumerate(roads)]
    if places:
        flat = np.array([(east, north, world.config.nest_alt_amsl_m) for east, north, _ in places])
        pixel, depth = camera.project(flat)
        near = (depth > 2.0) & (np.abs(pixel[:, 0] - picture.shape[1] / 2) < 1.5 * picture.shape[1]) & (depth < _FARTHEST_M)
        for number in np.nonzero(near)[0].tolist():
            east, north, heading = places[number]
            place = east, north, world.ground_amsl_m(east, north)
            _draw_car(picture, camera, place, heading, _PAINTS[number % len(_PAINTS)], depth_m)
            if looks.dust and not roads[number].paved:
                _draw_dust(picture, camera, place, heading, depth_m)
    if looks.glinting_roofs:
        _draw_glints(picture, camera, world)


def _on_road(road: Road, number: int, world_s: float, seed: int) -> tuple[float, float, float]:
    """East, north and heading (rad from east, counter-clockwise) of a car that drives to and fro."""
    points = np.array(road.points_m)
    leg = np.hypot(*np.diff(points, axis=0).T)
    along = np.concatenate([[0.0], np.cumsum(leg)])
    total = float(along[-1])
    chance = float(hash_unit(number, seed, 31))
    speed = (14.0 if road.paved else 6.0) * (0.7 + 0.6 * chance)
    phase = (world_s * speed + chance * 2 * total) % (2 * total)
    forth = phase < total
    at = phase if forth else 2 * total - phase
    east, north = float(np.interp(at, along, points[:, 0])), float(np.interp(at, along, points[:, 1]))
    leg_no = int(np.clip(np.searchsorted(along, at) - 1, 0, len(leg) - 1))
    step = points[leg_no + 1] - points[leg_no]
    heading = math.atan2(step[1], step[0]) + (0.0 if forth else math.pi)
    lane = 1.5 if road.paved else 0.0
    return east + lane * math.sin(heading), north - lane * math.cos(heading), heading


def _draw_car(
    picture: Picture,
    camera: Camera,
    place: tuple[float, float, float],
    heading: float,
    paint: tuple[int, int, int],
    depth_m: Field2D,
) -> None:
    """A box with a cabin; a dot when far."""
    along = np.array([math.cos(heading), math.sin(heading), 0.0])
    side = np.array([-math.sin(heading), math.cos(heading), 0.0])
    up = np.array([0.0, 0.0, 1.0])
    base = np.array(place)
    parts = (
        (2.2, 0.9, 0.0, 0.3, (28, 28, 28)),
        (2.1, 0.9, 0.3, 0.85, paint),
        (1.1, 0.75, 0.85, 1.4, (52, 48, 44)),
        (0.8, 0.7, 1.4, 1.45, paint),
    )
    for long, wide, low, high, colour in parts:
        corners = [
            base + along * a * long + side * b * wide + up * h
            for h in (low, high)
            for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))
        ]
        pixel, depth = camera.project(np.array(corners))
        if depth.min() < 2.0 or not _seen(pixel[0], float(depth[0]), depth_m):
            return
        hull = cv2.convexHull(np.round(pixel * 8).astype(np.int32))
        cv2.fillConvexPoly(picture, hull, colour, cv2.LINE_AA, 3)


def _draw_dust(picture: Picture, camera: Camera, place: tuple[float, float, float], heading: float, depth_m: Field2D) -> None:
    """A pale brown veil low behind the car."""
    for number in range(9, 0, -1):
        back = 4.0 + 5.0 * number
        centre = np.array(
            [[place[0] - back * math.cos(heading), place[1] - back * math.sin(heading), place[2] + 0.8 + 0.25 * number]]
        )
        pixel, depth = camera.project(centre)
        if depth[0] < 3.0 or not _seen(pixel[0], float(depth[0]), depth_m):
            continue
        radius = (1.0 + 0.5 * number) * camera.lens.focal_px / float(depth[0])
        _veil(picture, (float(pixel[0, 0]), float(pixel[0, 1])), radius, 0.34 * (1.0 - number / 11.0))


def _veil(picture: Picture, centre: tuple[float, float], radius: float, opacity: float) -> None:
    x, y, half = round(centre[0]), round(centre[1]), max(1, round(radius))
    left, top = max(0, x - half), max(0, y - half)
    part = picture[top : y + half + 1, left : x + half + 1]
    if radius > 300.0 or not part.size:
        return
    rows = (np.arange(top, top + part.shape[0]) - y)[:, None] / half
    columns = (np.arange(left, left + part.shape[1]) - x)[None, :] / half
    share = (opacity * np.clip(1.0 - rows**2 - columns**2, 0.0, 1.0))[..., None]
    part[:] = (part * (1.0 - share) + np.array((168, 188, 204)) * share).astype(np.uint8)


def _seen(pixel: Points, depth: float, depth_m: Field2D) -> bool:
    """Whether a point is in the picture and nothing stands before it."""
    height, width = depth_m.shape
    if not (0 <= pixel[0] < width and 0 <= pixel[1] < height):
        return False
    return bool(depth_m[int(pixel[1]), int(pixel[0])] > depth - 5.0)


def _draw_glints(picture: Picture, camera: Camera, world: World) -> None:
    """Metal roofs that mirror the sun to the camera."""
    azimuth, elevation = math.radians(world.config.sun.azimuth_deg), math.radians(world.config.sun.elevation_deg)
    sun = np.array([math.sin(azimuth) * math.cos(elevation), math.cos(azimuth) * math.cos(elevation), math.sin(elevation)])
    for house in world.cover.houses:
        if not house.metal:
            continue
        top = np.array([house.east_m, house.north_m, world.ground_amsl_m(house.east_m, house.north_m) + house.eaves_m + 0.6])
        pixel, depth = camera.project(top[None, :])
        if depth[0] < 5.0 or not (0 <= pixel[0, 0] < picture.shape[1] and 0 <= pixel[0, 1] < picture.shape[0]):
            continue
        view = camera.position_m - top
        half = sun + view / np.linalg.norm(view)
        normal = np.array([-math.sin(house.turn_rad) * 0.12, math.cos(house.turn_rad) * 0.12, 1.0])
        match = max(float(half @ (normal * sign) / np.linalg.norm(half) / np.linalg.norm(normal)) for sign in (1.0,))
        strength = match**60
        if strength > 0.15:
            _shine(
                picture,
                (float(pixel[0, 0]), float(pixel[0, 1])),
                0.28 * house.width_m * camera.lens.focal_px / float(depth[0]),
                strength,
            )


def _shine(picture: Picture, centre: tuple[float, float], radius: float, strength: float) -> None:
    x, y, half = round(centre[0]), round(centre[1]), max(2, round(min(radius, 60.0) * 2))
    left, top = max(0, x - half), max(0, y - half)
    part = picture[top : y + half + 1, left : x + half + 1]
    if not part.size:
        return
    rows = (np.arange(top, top + part.shape[0]) - y)[:, None] / half
    columns = (np.arange(left, left + part.shape[1]) - x)[None, :] / half
    light = 255.0 * strength * np.exp(-(rows**2 + columns**2) * 5.0)[..., None] * np.array((0.86, 0.95, 1.0))
    part[:] = np.clip(part + light, 0, 255).astype(np.uint8)
