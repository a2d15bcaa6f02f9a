"""The nest's two worst moments, as processes that are really killed."""

import pytest

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(900)]


def failed(items):
    return [f"{item.name}: {item.words}" for item in items if not item.passed]


def alert_ids(nest):
    return {message.body["alert"] for message in nest.run.hub.messages if message.data and is_alert(message)}


def is_alert(message):
    return message.form == "alert"


def test_agent_killed_in_the_air_adopts_the_drone_and_ends_the_flight(nest):
    nest.wait("the first alert", lambda _: nest.high and bool(alert_ids(nest)))
    nest.run.agent.kill()  # the picture of the alert may still be on its way
    nest.run.processes.children.pop("agent").stop()
    nest.wait("the last will", lambda story: (story.status or {}).get("state") == "lost", 120.0)
    nest.run.start_agent()
    nest.wait("the end of the flight", lambda story: story.ended)
    nest.wait_s(30.0)

    items = [item for item in nest.verdict() if item.name != "the flight was flown"]
    assert not failed(items)
    report = nest.story.flight
    assert report is not None
    assert any(reason["code"] == "flight.restarted" for reason in report["reasons"])
    assert len(nest.story.flights) == 1, "one flight, not a second one"
    assert len(alert_ids(nest)) == 1, "one fire, one alert, whoever was killed"
    pictures = {m.topic for m in nest.run.hub.messages if m.data and m.topic.endswith("snapshot")}
    assert len(pictures) == 2, "both departments got the picture"


def test_broker_killed_while_the_alert_is_raised_delivers_it_once_afterwards(nest):
    nest.wait("the drone in the air", lambda _: nest.high)
    nest.run.broker.kill()
    nest.wait("an alert on the nest's disk", lambda _: nest.pending_alerts() > 0, 600.0)
    assert not alert_ids(nest)
    nest.wait_s(60.0)
    assert nest.pending_alerts() > 0
    nest.run.broker.start()
    nest.wait("the end of the flight", lambda story: story.ended)
    nest.wait_s(30.0)

    assert not failed(nest.verdict())
    ids = [m.id for m in nest.run.hub.messages if m.data and is_alert(m)]
    assert ids
    assert len(ids) == len(set(ids))
    assert nest.pending_alerts() == 0
