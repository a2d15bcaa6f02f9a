"""The shipped model folders: what the manifest says is what lies there, and the network still says what it said."""

import hashlib
import json
from importlib.resources import files
from pathlib import Path

import pytest

from agent.vision.golden import differences, prove
from agent.vision.manifest import load_manifest
from agent.vision.pictures import read_picture
from agent.vision.runtime import Network
from models.training.figures import HAZARDS

MODELS = ("fire", "flood")
MOST_BYTES = 12_000_000


def folder_of(name: str) -> Path:
    return Path(str(files("models").joinpath(name)))


@pytest.fixture(scope="module", params=MODELS)
def network(request: pytest.FixtureRequest) -> Network:
    return Network(folder_of(request.param))


def test_the_file_is_the_one_that_the_manifest_names(network: Network):
    data = (network.folder / "model.onnx").read_bytes()

    assert hashlib.sha256(data).hexdigest() == network.manifest.sha256
    assert len(data) <= MOST_BYTES


def test_the_golden_picture_gives_the_golden_result(network: Network):
    prove(network)


def test_the_golden_result_is_something_to_see(network: Network):
    # A result that an all-zero network would also give proves nothing.
    expect = network.manifest.golden.expect
    assert max(expect.picture.values()) > 0.5
    assert expect.boxes or (expect.water_fraction or 0) > 0.1


def test_another_picture_does_not_pass_for_the_golden_one(network: Network):
    pixels = read_picture(network.folder / network.manifest.golden.picture)
    turned = pixels[::-1, ::-1].copy() // 3

    assert differences(network.look(turned), network.manifest.golden, network.manifest.mask_threshold)


def test_the_picture_heads_are_calibrated_hazards_of_this_model(network: Network):
    assert tuple(str(head.hazard) for head in network.manifest.picture) == HAZARDS[network.manifest.name]
    for head in network.manifest.picture:
        assert head.calibration.a > 0
        assert 0 < head.threshold < 1


def test_training_names_its_sources_and_their_licences(network: Network):
    training = json.loads((network.folder / "training.json").read_text(encoding="utf-8"))

    assert [row.source for row in network.manifest.training_data] == [row["source"] for row in training["data"]]
    assert all(row.licence and row.pictures > 0 for row in network.manifest.training_data)


@pytest.mark.parametrize("name", MODELS)
def test_the_card_is_of_the_measured_file(name: str):
    folder = folder_of(name)
    measured = json.loads((folder / "measured.json").read_text(encoding="utf-8"))
    card = (folder / "CARD.md").read_text(encoding="utf-8")

    assert measured["sha256"] == load_manifest(folder).sha256
    assert measured["sha256"] in card
    assert measured["split"] == "test"
