"""Laws that the vehicle's physics keeps, whatever it is asked."""

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.geo import LatLon
from simulator.vehicle.battery import Battery, Pack, open_circuit_v
from simulator.vehicle.craft import Craft, Place
from simulator.vehicle.dynamics import Body, Drive
from simulator.vehicle.manoeuvres import FlyLeg, Land, TakeOff
from simulator.vehicle.parameters import Parameters
from simulator.vehicle.trajectory import Leg, Limits, Reference, brake_speed, corner_speed
from simulator.vehicle.wind import Wind

PACK = Pack(capacity_ah=12.0, full_v=25.2, resistance_ohm=0.03, air_temp_c=20.0)
metres = st.floats(-400.0, 400.0)
heights = st.floats(2.0, 120.0)


# -- battery ---------------------------------------------------------------------------------------------------------------


@settings(max_examples=40)
@given(charge=st.floats(0.0, 1.0), loads=st.lists(st.floats(0.0, 3000.0), max_size=60))
def test_a_battery_never_gains_charge_without_a_charger(charge: float, loads: list[float]) -> None:
    battery = Battery(charge, PACK.full_v, PACK.air_temp_c)
    for load_w in loads:
        before = battery.charge
        battery.step(1.0, PACK, load_w, 0.0)
        assert battery.charge <= before
        assert 0.0 <= battery.volts <= PACK.full_v
        assert math.isfinite(battery.temp_c)


@settings(max_examples=25, deadline=None)
@given(charge=st.floats(0.0, 1.0), charger_a=st.floats(0.1, 60.0))
def test_charging_never_passes_full_and_never_the_chargers_current(charge: float, charger_a: float) -> None:
    battery = Battery(charge, PACK.full_v, PACK.air_temp_c)
    for _ in range(200):
        battery.step(30.0, PACK, 0.0, charger_a)
        assert battery.charge <= 1.0
        assert -battery.amps <= charger_a + 1e-9
        assert battery.volts <= PACK.full_v * 1.002


def test_a_charger_fills_the_battery() -> None:
    battery = Battery(0.3, PACK.full_v, PACK.air_temp_c)
    battery.set_charge(0.3, 12000.0)
    seconds = 0
    while battery.charge < 0.999:
        battery.step(10.0, PACK, 0.0, 20.0)
        seconds += 10
        assert seconds < 4 * 3600
    assert battery.remaining_percent(12000.0) == pytest.approx(100.0, abs=0.5)


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_voltage_rises_with_charge(a: float, b: float) -> None:
    low, high = sorted((a, b))
    assert open_circuit_v(low, 25.2) <= open_circuit_v(high, 25.2)


def test_voltage_sags_under_load_and_the_pack_warms() -> None:
    battery = Battery(0.8, PACK.full_v, PACK.air_temp_c)
    battery.step(1.0, PACK, 10.0, 0.0)
    resting_v = battery.volts
    for _ in range(300):
        battery.step(1.0, PACK, 800.0, 0.0)
    assert battery.volts < resting_v - 0.5
    assert battery.temp_c > PACK.air_temp_c + 1.0


# -- reference -------------------------------------------------------------------------------------------------------------


@settings(max_examples=15, deadline=None)
@given(metres, metres, heights, st.floats(1.0, 18.0))
def test_a_leg_ends_exactly_and_keeps_its_limits(north: float, east: float, up: float, speed: float) -> None:
    limits, reference, dt_s = Limits(speed=speed), Reference(), 0.04
    leg = Leg((0.0, 0.0, 10.0), (north, east, up))
    reference.reset(leg.start, (0.0, 0.0, 0.0))
    for _ in range(30_000):
        left_m = reference.along(dt_s, leg, limits)
        assert left_m > -0.2, "never past the end"
        assert math.hypot(reference.vel[0], reference.vel[1]) <= speed * 1.02 + 0.02
        assert -limits.down * 1.05 - 0.02 <= reference.vel[2] <= limits.up * 1.05 + 0.02
        if left_m < 0.05 and math.hypot(*reference.vel) < 0.05:
            break
    assert math.dist(reference.pos, leg.end) < 0.2


@settings(max_examples=15, deadline=None)
@given(metres, metres, st.floats(-15.0, 15.0), st.floats(-15.0, 15.0))
def test_a_leg_is_joined_from_any_speed(north: float, east: float, v_north: float, v_east: float) -> None:
    """A sharp turn at speed must come back to the line, not run away."""
    limits, reference = Limits(), Reference()
    leg = Leg((0.0, 0.0, 20.0), (north, east, 20.0))
    reference.reset(leg.start, (v_north, v_east, 0.0))
    farthest_m = math.hypot(north, east) + 150.0
    for _ in range(3_000):
        reference.along(0.05, leg, limits)
        assert math.hypot(reference.pos[0], reference.pos[1]) < farthest_m
    assert math.dist(reference.pos, leg.end) < 0.3


@given(st.floats(0.1, 500.0), st.floats(0.0, 5.0))
def test_braking_speed_grows_with_the_distance_left(distance_m: float, exit_m_s: float) -> None:
    near, slowing = brake_speed(distance_m, exit_m_s, 2.5, 1.0)
    far, _ = brake_speed(distance_m * 1.5, exit_m_s, 2.5, 1.0)
    assert exit_m_s <= near <= far
    assert 0.0 <= slowing <= 2.5


def test_corners_are_slower_the_sharper_they_are() -> None:
    speeds = []
    for degrees in (10, 30, 60, 90, 120):
        after = (math.cos(math.radians(degrees)), math.sin(math.radians(degrees)), 0.0)
        speeds.append(corner_speed((1.0, 0.0, 0.0), after, 2.0, 2.5))
    assert speeds == sorted(speeds, reverse=True)
    assert corner_speed((1.0, 0.0, 0.0), (-1.0, 0.0, 0.0), 2.0, 2.5) == 0.0
    assert corner_speed((1.0, 0.0, 0.0), (1.0, 0.0, 0.0), 2.0, 2.5) == math.inf


# -- body ------------------------------------------------------------------------------------------------------------------


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_the_body_stays_finite_tilted_within_limits_and_above_ground(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 repeatable by its seed
    body = Body(0.0)
    drive = Drive()
    for _ in range(300):
        drive.acc_north, drive.acc_east = chance.uniform(-50, 50), chance.uniform(-50, 50)
        drive.lift, drive.yaw_rate = chance.uniform(-5, 40), chance.uniform(-9, 9)
        wind = (chance.uniform(-15, 15), chance.uniform(-15, 15), chance.uniform(-3, 3))
        body.step(0.01, drive, wind, 0.0)
        assert all(math.isfinite(value) for value in (body.north_m, body.east_m, body.up_m, body.yaw))
        assert body.up_m >= 0.0
        # The tilt follows the thrust, whose direction lags a falling lift a little.
        assert math.hypot(body.v_north, body.v_east) < 60.0


def test_a_body_without_thrust_falls_and_its_impact_is_told() -> None:
    body, drive = Body(0.0), Drive()
    body.up_m, body.on_ground = 20.0, False
    while not body.on_ground:
        body.step(0.01, drive, (0.0, 0.0, 0.0), 0.0)
    assert body.impact_m_s == pytest.approx(math.sqrt(2 * 9.80665 * 20), rel=0.15)


# -- wind ------------------------------------------------------------------------------------------------------------------


def test_turbulence_has_the_strength_of_the_model_and_no_wind_has_none() -> None:
    wind = Wind(3)
    for _ in range(1000):
        wind.step(0.02, 0.0, 0.0, 1.0, 30.0, 5.0)
    assert (wind.north_m_s, wind.east_m_s, wind.up_m_s) == (0.0, 0.0, 0.0)
    samples = []
    for step in range(60_000):
        wind.step(0.05, 8.0, 270.0, 1.0, 30.0, 8.0)
        if step > 1000:
            samples.append(wind.east_m_s)
    mean = sum(samples) / len(samples)
    deviation = math.sqrt(sum((sample - mean) ** 2 for sample in samples) / len(samples))
    assert mean == pytest.approx(8.0, abs=0.4), "wind from the west blows east"
    # MIL-F-8785C at 30 m: 0.1 * W / (0.177 + 0.000823 h_ft)^0.4
    assert deviation == pytest.approx(0.8 / (0.177 + 0.000823 * 98.4) ** 0.4, rel=0.25)


# -- the craft -------------------------------------------------------------------------------------------------------------


def craft_of(*settings_text: str, seed: int = 1) -> Craft:
    parameters = Parameters()
    for text in settings_text:
        parameters.set_from_text(text)
    craft = Craft(Place(LatLon(30.39, 119.84), 10.0, 0.0), parameters, seed, 0.0, None)
    craft.step(0.02)
    craft.arm()
    return craft


def fly(craft: Craft, manoeuvre: TakeOff | FlyLeg | Land, most_s: float) -> None:
    end_s = craft.time_s + most_s
    while not manoeuvre.update(craft, 0.02):
        craft.step(0.02)
        assert craft.time_s < end_s, f"{type(manoeuvre).__name__} did not end"


@settings(max_examples=6, deadline=None)
@given(metres, metres, heights, st.floats(0.0, 9.0), st.integers(0, 50))
def test_it_flies_there_and_lands_in_any_wind(north: float, east: float, up: float, wind_m_s: float, seed: int) -> None:
    craft = craft_of(f"SIM_WIND_SPD={wind_m_s}", "SIM_WIND_DIR=240", seed=seed)
    fly(craft, TakeOff(15.0), 40.0)
    fly(craft, FlyLeg(craft, (north, east, up)), 200.0)
    here = craft.position()
    assert math.dist(here, (north, east, up)) < 2.5
    assert craft.body.ground_speed < 15.0
    fly(craft, Land(craft, (north, east, up)), 250.0)
    assert craft.body.on_ground
    assert math.hypot(craft.body.north_m - north, craft.body.east_m - east) < 0.5, "on a pad"
    assert craft.body.impact_m_s is None


def test_wind_costs_energy() -> None:
    used = []
    for wind_m_s in (0.0, 10.0):
        craft = craft_of(f"SIM_WIND_SPD={wind_m_s}", "SIM_WIND_DIR=0")
        fly(craft, TakeOff(20.0), 40.0)
        fly(craft, FlyLeg(craft, (300.0, 0.0, 20.0)), 200.0)
        used.append(craft.battery.used_wh)
    assert used[1] > used[0] * 1.02


def test_ground_follows_the_terrain() -> None:
    parameters = Parameters()
    craft = Craft(
        Place(LatLon(30.39, 119.84), 10.0, 0.0), parameters, 1, 0.0, lambda place: 10.0 + (place.lat_deg - 30.39) * 1e4
    )
    craft.step(0.02)
    craft.arm()
    fly(craft, TakeOff(40.0), 60.0)
    fly(craft, FlyLeg(craft, (111.0, 0.0, 40.0)), 100.0)
    fly(craft, Land(craft), 200.0)
    assert craft.body.up_m == pytest.approx(10.0, abs=0.2)
