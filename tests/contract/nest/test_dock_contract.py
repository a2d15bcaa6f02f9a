"""What every dock promises, in memory and on the wire."""

import asyncio

import pytest

from agent.core.errors import LinkError
from agent.core.outcome import Accepted, Refused
from agent.domain.codes import codes
from agent.domain.nest_state import ClampState, DockState, DronePresence, LidState, Weather
from agent.nest.interface import Movement
from agent.nest.steps import ready_for_drone, secured


async def settled(rig) -> DockState:
    """A reading that shows what the test has just done to the dock."""
    await asyncio.sleep(0.2)
    return await rig.dock.read()


async def until(rig, wanted, limit_s=60.0) -> DockState:
    async with asyncio.timeout(limit_s):
        while not wanted(state := await rig.dock.read()):  # noqa: ASYNC110 a dock is polled, it tells nothing by itself
            await asyncio.sleep(0.1)
    return state


async def test_a_reading_shows_a_secured_drone(rig):
    state = await settled(rig)
    assert secured(state)
    assert state.pad_occupied
    assert state.faults == ()
    assert state.at_s == pytest.approx(asyncio.get_running_loop().time(), abs=0.1)


async def test_each_movement_reaches_its_end_and_shows_that_it_moves(rig):
    for movement, moving, end in (
        (Movement.CHARGER_RETRACT, lambda d: d.charger_engaged, lambda d: not d.charger_engaged),
        (Movement.LID_OPEN, lambda d: d.lid is LidState.MOVING, lambda d: d.lid is LidState.OPEN),
        (Movement.CLAMPS_RELEASE, lambda d: d.clamps is ClampState.MOVING, lambda d: d.clamps is ClampState.RELEASED),
        (Movement.CLAMPS_ENGAGE, lambda d: d.clamps is ClampState.MOVING, lambda d: d.clamps is ClampState.ENGAGED),
        (Movement.LID_CLOSE, lambda d: d.lid is LidState.MOVING, lambda d: d.lid is LidState.CLOSED),
        (Movement.CHARGER_ENGAGE, lambda d: d.charging_a == 0.0, lambda d: d.charging_a > 0.0),
    ):
        await settled(rig)
        await rig.dock.command(movement)
        await asyncio.sleep(0.3)
        assert moving(await rig.dock.read()), movement
        await until(rig, end)


async def test_a_stopped_lid_stands_between_its_ends(rig):
    await settled(rig)
    await rig.dock.command(Movement.LID_OPEN)
    await asyncio.sleep(0.5)
    await rig.dock.command(Movement.LID_STOP)
    state = await settled(rig)
    assert state.lid is LidState.STOPPED
    assert state.lid_open_fraction is not None
    assert 0.0 < state.lid_open_fraction < 1.0


async def test_asking_for_what_is_already_so_is_no_fault(rig):
    await settled(rig)
    await rig.dock.command(Movement.LID_CLOSE)
    state = await settled(rig)
    assert (state.lid, state.faults) == (LidState.CLOSED, ())


async def test_a_silent_dock_is_a_link_error_and_comes_back(rig):
    rig.fault("modbus_silent")
    with pytest.raises(LinkError) as silent:
        await rig.dock.read()
    with pytest.raises(LinkError):
        await rig.dock.command(Movement.LID_OPEN)
    assert silent.value.code == "dock.unreachable"
    rig.fault("none")
    assert (await settled(rig)).lid is LidState.CLOSED


async def test_a_reading_of_the_weather_is_possible_weather(rig):
    weather = await rig.weather.read()
    assert isinstance(weather, Weather)
    assert weather.gust_m_s >= weather.wind_m_s >= 0.0
    assert weather.at_s == pytest.approx(asyncio.get_running_loop().time(), abs=1.0)


async def test_a_launch_is_prepared_and_called_off(rig):
    await settled(rig)
    assert await rig.station.prepare_launch(rig.where) == Accepted()
    assert ready_for_drone(await rig.dock.read())
    assert await rig.station.secure(rig.where) == Accepted()
    assert secured(await rig.dock.read())


async def test_an_empty_nest_closes_and_opens_for_the_drone_that_comes_home(rig):
    await settled(rig)
    await rig.station.prepare_launch(rig.where)
    rig.put_drone(DronePresence.AWAY)
    await settled(rig)
    assert await rig.station.close_empty(rig.where) == Accepted()
    assert (await rig.dock.read()).lid is LidState.CLOSED
    assert await rig.station.open_for_landing(rig.where) == Accepted()
    assert ready_for_drone(await rig.dock.read())
    rig.put_drone(DronePresence.ON_PAD)
    await settled(rig)
    assert await rig.station.secure(rig.where) == Accepted()


async def test_what_is_already_open_is_not_moved_for_a_landing(rig):
    await settled(rig)
    await rig.station.prepare_launch(rig.where)
    rig.put_drone(DronePresence.UNKNOWN, on_pad=False)  # close by, on its way down: nothing may move
    await settled(rig)
    assert await rig.station.open_for_landing(rig.where) == Accepted()


@pytest.mark.parametrize(
    ("fault", "sensor", "code"),
    [
        ("lid_jam", "", "dock.lid_jam"),
        ("emergency_stop", "", "dock.emergency_stop"),
        ("door_open", "", "dock.door_open"),
        ("modbus_silent", "", "dock.unreachable"),
        ("lying_sensor", "lid_open", "dock.lid_conflict"),
        ("lying_sensor", "pad", "dock.presence_conflict"),
    ],
)
async def test_a_launch_is_refused_with_the_reason_and_recovers(rig, fault, sensor, code):
    await settled(rig)
    rig.fault(fault, sensor=sensor)
    await asyncio.sleep(0.2)
    outcome = await rig.station.prepare_launch(rig.where)
    assert isinstance(outcome, Refused)
    assert (outcome.code, outcome.code in codes()) == (code, True)
    rig.fault("none")
    await settled(rig)
    assert await rig.station.secure(rig.where) == Accepted()


@pytest.mark.parametrize(("fault", "code"), [("charger_contact", "dock.no_current"), ("power_cut", "dock.on_ups")])
async def test_a_drone_that_does_not_charge_is_not_called_secured(rig, fault, code):
    await settled(rig)
    await rig.station.prepare_launch(rig.where)
    rig.fault(fault)
    await settled(rig)
    outcome = await rig.station.secure(rig.where)
    assert isinstance(outcome, Refused)
    assert outcome.code == code
    state = await rig.dock.read()
    assert (state.lid, state.clamps) == (LidState.CLOSED, ClampState.ENGAGED)  # held and covered all the same


@pytest.mark.parametrize("presence", list(DronePresence))
async def test_sequences_refuse_a_drone_that_is_not_where_they_need_it(rig, presence):
    rig.put_drone(presence)
    await settled(rig)
    needs = {
        rig.station.prepare_launch: DronePresence.ON_PAD,
        rig.station.secure: DronePresence.ON_PAD,
        rig.station.close_empty: DronePresence.AWAY,
    }
    for sequence, needed in needs.items():
        if needed is not presence:
            assert isinstance(await sequence(rig.where), Refused)
    assert (await settled(rig)).lid is LidState.CLOSED


async def test_the_lid_stops_when_it_is_no_longer_sure_where_the_drone_is(rig):
    rig.put_drone(DronePresence.AWAY)
    await settled(rig)
    opening = asyncio.create_task(rig.station.open_for_landing(rig.where))
    await until(rig, lambda d: d.lid is LidState.MOVING)
    rig.put_drone(DronePresence.UNKNOWN, on_pad=False)
    outcome = await opening
    assert isinstance(outcome, Refused)
    assert outcome.code == "dock.presence_unknown"
    assert (await settled(rig)).lid is LidState.STOPPED


async def test_a_sequence_that_is_called_off_stops_the_lid(rig):
    await settled(rig)
    launch = asyncio.create_task(rig.station.prepare_launch(rig.where))
    await until(rig, lambda d: d.lid is LidState.MOVING)
    await asyncio.sleep(0.3)
    launch.cancel()
    with pytest.raises(asyncio.CancelledError):
        await launch
    assert (await settled(rig)).lid is LidState.STOPPED


async def test_a_second_request_waits_for_nobody(rig):
    await settled(rig)
    launch = asyncio.create_task(rig.station.prepare_launch(rig.where))
    await until(rig, lambda d: d.lid is LidState.MOVING)
    outcome = await rig.station.secure(rig.where)
    assert isinstance(outcome, Refused)
    assert outcome.code == "dock.busy"
    assert await launch == Accepted()


async def test_a_lid_that_jammed_half_way_is_closed_when_it_is_free_again(rig):
    await settled(rig)
    launch = asyncio.create_task(rig.station.prepare_launch(rig.where))
    await until(rig, lambda d: d.lid is LidState.MOVING)
    await asyncio.sleep(0.3)
    rig.fault("lid_jam")
    outcome = await launch
    assert isinstance(outcome, Refused)
    assert outcome.code == "dock.lid_jam"
    state = await settled(rig)
    assert (state.lid, "dock.lid_jam" in state.faults) == (LidState.STOPPED, True)
    rig.fault("none")
    assert await rig.station.secure(rig.where) == Accepted()  # resets the latched fault first
    assert (await rig.dock.read()).faults == ()
