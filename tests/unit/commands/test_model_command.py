"""A stranger's folder through the command line: shown, completed, proven."""

from typer.testing import CliRunner

from agent.__main__ import build
from agent.core.errors import ModelError
from tests.doubles.foreign_models import write_foreign, yolov8


def test_show_complete_check(tmp_path):
    folder, run = str(write_foreign(tmp_path, yolov8())), CliRunner()
    shown = run.invoke(build(), ["model", "show", folder])
    assert "output  output0  tensor(float)  1 x 6 x 240" in shown.output
    assert isinstance(run.invoke(build(), ["model", "check", folder]).exception, ModelError)
    assert "box of fire: 0.8999 at" in run.invoke(build(), ["model", "complete", folder]).output
    assert "stranger 1: good; looks for fire" in run.invoke(build(), ["model", "check", folder]).output
