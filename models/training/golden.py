"""Writes what the network says of its golden picture into the manifest.

The picture is drawn or rendered by our own code, never a photograph of somebody else. The runtime looks at it at every start.
"""

from pathlib import Path

from agent.vision.golden import expectation, prove
from agent.vision.manifest import Golden
from agent.vision.pictures import read_picture
from agent.vision.runtime import Network
from models.training.manifest_file import write_manifest

TOLERANCE = 0.02
"""Other processors round differently: measured differences are a thousandth and less."""


def record_golden(folder: Path, picture: str = "golden.png") -> None:
    """Looks at the golden picture as a whole, records the result, and proves that a fresh start accepts it."""
    network = Network(folder)
    answer = network.look(read_picture(folder / picture))
    expect = expectation(answer, network.manifest.mask_threshold)
    golden = Golden(picture=picture, expect=expect, tolerance=TOLERANCE)
    write_manifest(network.manifest.model_copy(update={"golden": golden}), folder)
    prove(Network(folder))
