"""What keeps a drone on the ground, reason by reason; held against the preflight table, which has the last word."""

from dataclasses import replace

import pytest

from agent.config.landing import LandingSection
from agent.core.outcome import Accepted
from agent.domain.codes import codes
from agent.domain.nest_state import DronePresence
from agent.flight.preflight import PICTURE_CODES, Facts, refusals, run_checks
from agent.flight.readiness import RULES, blocks
from agent.flight.situation import Situation
from agent.routes.compile import Pad
from tests.doubles.flight import PAD
from tests.tables.flight.test_preflight_unknown import CONFIG, DOCK, NOON, NOW_S, TELEMETRY, VISION, WEATHER

NEEDS_MARKERS = CONFIG.model_copy(update={"landing": LandingSection(required=True)})
BY_POSITION_TOO = CONFIG.model_copy(update={"landing": LandingSection()})


@pytest.mark.parametrize(
    ("code", "keeps_down"),
    [
        ("link.down", False),  # a spare link
        ("vehicle.silent", True),
        ("vehicle.signing_unused", False),
        ("vehicle.signing_key_wrong", True),
        ("vision.down", True),
        ("vision.slow", False),
        ("vision.provider_missing", False),
        ("dock.lid_jam", True),
        ("dock.on_ups", True),  # a warning, but no flight begins on the UPS
        ("weather.stale", True),
        ("hub.unreachable", False),
        ("hub.certificate", False),  # an error, but what a flight finds waits on disk
        ("store.full", True),
        ("store.damaged", False),
        ("audit.broken", False),
        ("gimbal.off", False),
        ("flight.fault", True),
        ("of.no_row", True),
    ],
)
def test_a_reason_keeps_the_drone_down_or_is_only_told(code, keeps_down):
    assert blocks(code, CONFIG) is keeps_down


def test_every_rule_is_of_a_kind_of_reason_that_there_is():
    assert set(RULES) <= {code.partition(".")[0] for code in codes()}


def refused(config, **changed) -> bool:
    situation = replace(Situation(NOW_S, TELEMETRY, DOCK, WEATHER, VISION, NOW_S, 10_000.0, pad_camera=()), **changed)
    facts = Facts(situation, DronePresence.ON_PAD, Pad(PAD, 30.0), (), 0.6, (), NOON.timestamp(), returns_to_pad=Accepted())
    return bool(refusals(run_checks(facts, config)))


@pytest.mark.parametrize("code", sorted(c for c in codes() if c.startswith("vision.") and c not in PICTURE_CODES))
def test_the_preflight_check_of_the_camera_says_the_same(code):
    """But for what a camera under a closed lid rightly says, which nobody tells."""
    assert refused(CONFIG, vision=VISION.model_copy(update={"health": (code,)})) is blocks(code, CONFIG)


@pytest.mark.parametrize("config", [CONFIG, BY_POSITION_TOO, NEEDS_MARKERS])
@pytest.mark.parametrize("code", ["landing.down", "landing.starting", "landing.no_video", "landing.black", "landing.blurred"])
def test_the_preflight_check_of_the_camera_that_looks_down_says_the_same(code, config):
    assert refused(config, pad_camera=(code,)) is blocks(code, config)


@pytest.mark.parametrize("code", ["dock.watchdog", "dock.lid_conflict", "dock.ups_low"])
def test_the_preflight_check_of_the_dock_says_the_same(code):
    assert refused(CONFIG, dock=replace(DOCK, faults=(code,))) is blocks(code, CONFIG) is True
