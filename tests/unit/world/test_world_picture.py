"""The rendered picture: repeatable, and true to what it says of itself."""

import json

import numpy as np
import pytest

from agent.core.errors import ConfigError
from agent.core.terrain import Terrain
from simulator.camera.optics import encode_jpeg
from simulator.camera.pose import Pose, PoseTrack, axes_from, multiply, quaternion
from simulator.camera.projection import Camera, Lens, axes_of
from simulator.camera.rgb import Renderer
from simulator.world.config import load_world, parse_world
from simulator.world.export import export_site
from simulator.world.scene import World

from .conftest import small_config

LENS = Lens(640, 368, 60.0)


def looking_at(world: World, east_m: float, north_m: float, away_m: float = 120.0, up_m: float = 60.0) -> Camera:
    ground = world.ground_amsl_m(east_m, north_m)
    pitch = -float(np.degrees(np.arctan2(up_m, away_m)))
    return Camera.aimed(LENS, (east_m, north_m - away_m, ground + up_m), 0.0, pitch)


@pytest.fixture(scope="module")
def renderer(small_world: World) -> Renderer:
    return Renderer(small_world)


def test_the_same_seed_gives_the_same_bytes(small_world: World, renderer: Renderer):
    again = World(small_config())
    camera = looking_at(small_world, 260.0, 120.0)

    first, second = (r.render(camera, 200.0, frame=4).picture for r in (renderer, Renderer(again)))

    assert encode_jpeg(first, 88) == encode_jpeg(second, 88)


def test_another_seed_gives_another_world(small_world: World):
    other = World(small_config(seed=4))

    assert not np.array_equal(small_world.ground.height_amsl_m, other.ground.height_amsl_m)
    assert not np.array_equal(small_world.cover.forest, other.cover.forest)


def test_fire_is_labelled_where_it_projects(small_world: World, renderer: Renderer):
    fire = small_world.fires[0]
    camera = looking_at(small_world, fire.east_m, fire.north_m)

    boxes = renderer.render(camera, 120.0).boxes

    flames = [box.box_px for box in boxes if box.kind == "flame"]
    assert flames
    rows, columns = np.nonzero(fire.burning(120.0))
    east, north = fire.places(rows, columns)
    pixel, _ = camera.project(np.stack([east, north, fire.ground_amsl_m[rows, columns]], axis=1))
    low, high = pixel.min(axis=0) - 60.0, pixel.max(axis=0) + 60.0
    for x_0, y_0, x_1, y_1 in flames:
        assert low[0] < x_0 < x_1 < high[0]
        assert low[1] < y_0 < y_1 < high[1]
    assert [box for box in boxes if box.kind == "smoke"]


def test_flames_are_brighter_and_redder_than_the_same_place_before(small_world: World, renderer: Renderer):
    fire = small_world.fires[0]
    camera = looking_at(small_world, fire.east_m, fire.north_m)
    burning = renderer.render(camera, 100.0)
    x_0, y_0, x_1, y_1 = (int(v) for v in next(box.box_px for box in burning.boxes if box.kind == "flame"))

    before = renderer.render(camera, -50.0)

    now, then = (r.picture[y_0:y_1, x_0:x_1, 2].astype(float) for r in (burning, before))
    assert before.boxes == ()
    assert np.percentile(now, 90) > np.percentile(then, 90) + 60.0


def test_flood_water_is_part_of_all_water(small_world: World, renderer: Renderer):
    river = small_world.river_east_m(-40.0)
    camera = looking_at(small_world, river + 30.0, -40.0, away_m=80.0, up_m=70.0)

    dry, wet = (renderer.render(camera, second).masks for second in (0.0, 600.0))

    assert dry is not None
    assert wet is not None
    assert dry.water.any()
    assert not dry.flood.any()
    assert wet.flood.any()
    assert not (wet.flood & ~wet.water).any()
    assert np.count_nonzero(wet.water) > np.count_nonzero(dry.water)


def test_a_picture_without_hazard_has_no_labels(small_world: World, renderer: Renderer):
    rendered = renderer.render(looking_at(small_world, 0.0, 20.0, away_m=30.0, up_m=30.0), 0.0)

    assert rendered.boxes == ()
    assert rendered.masks is None
    assert rendered.picture.std() > 8.0


def test_the_agent_reads_the_exported_terrain(small_world: World, tmp_path):
    export_site(small_world, tmp_path)

    terrain = Terrain.load(tmp_path / "dem.asc")

    for north, east in ((0.0, 0.0), (150.0, 220.0), (-300.0, -350.0)):
        place = small_world.frame.to_latlon(north, east)
        assert terrain.height_amsl_m(place) == pytest.approx(small_world.ground_amsl_m(east, north), abs=0.6)
    river = json.loads((tmp_path / "river.geojson").read_text())["features"][0]["geometry"]
    assert river["type"] == "MultiPolygon"
    middle = small_world.frame.to_latlon(0.0, small_world.river_east_m(0.0))
    lons = [lon for polygon in river["coordinates"] for lon, _ in polygon[0]]
    assert min(lons) < middle.lon_deg < max(lons)
    assert (tmp_path / "map.png").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"seeds": 1}, "seeds"),
        ({"size_m": 10}, "size_m"),
        ({"fires": [{"lat_deg": 100, "lon_deg": 0}]}, "fires.0.lat_deg"),
        ({"flood": {"max_rise_m": 9}}, "flood.max_rise_m"),
    ],
)
def test_a_wrong_world_is_refused_by_name(change: dict, named: str):
    with pytest.raises(ConfigError, match=named):
        parse_world({"place": {"lat_deg": 30.0, "lon_deg": 119.0}} | change)


def test_a_scenario_file_gives_its_world_section(tmp_path):
    file = tmp_path / "scenario.yaml"
    file.write_text("name: x\nworld:\n  seed: 9\n  place: {lat_deg: 30.0, lon_deg: 119.0}\n")

    assert load_world(file).seed == 9
    with pytest.raises(ConfigError, match="readable"):
        load_world(tmp_path / "absent.yaml")


def test_quaternion_and_angles_describe_the_same_camera():
    attitude = multiply(quaternion(0.0, 0.0, np.radians(70.0)), quaternion(np.radians(4.0), np.radians(-35.0), 0.0))

    assert axes_from(attitude) == pytest.approx(axes_of(70.0, -35.0, 4.0), abs=1e-9)


def test_the_pose_between_two_is_interpolated():
    track = PoseTrack()
    track.add(Pose(10.0, np.array([0.0, 0.0, 50.0]), quaternion(0, 0, np.radians(350))))
    track.add(Pose(11.0, np.array([10.0, 0.0, 60.0]), quaternion(0, 0, np.radians(10))))

    middle = track.at(10.5)

    assert middle is not None
    assert middle.position_m == pytest.approx([5.0, 0.0, 55.0])
    heading = middle.camera(LENS).yaw_deg
    assert min(heading, 360.0 - heading) == pytest.approx(0.0, abs=0.01)
    held = track.at(60.0)
    assert held is not None
    assert held.position_m[0] == pytest.approx(12.5)


def test_mist_pales_low_ground_and_is_no_smoke(small_world: World):
    clear_config = small_world.config.model_copy(update={"fires": (), "flood": None})
    misty_config = clear_config.model_copy(update={"lookalikes": clear_config.lookalikes.model_copy(update={"mist": 1.0})})
    camera = looking_at(small_world, small_world.river_east_m(0.0), 0.0)

    clear, misty = (Renderer(small_world.variant(config)).render(camera, 0.0) for config in (clear_config, misty_config))

    assert misty.boxes == ()
    assert misty.picture.mean() > clear.picture.mean() + 10.0


def test_a_variant_may_not_be_another_landscape(small_world: World):
    with pytest.raises(ValueError, match="variant"):
        small_world.variant(small_world.config.model_copy(update={"seed": 99}))
