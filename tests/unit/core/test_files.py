import pytest

from agent.core.files import write_whole


def test_a_file_is_written_with_its_folder_and_nothing_else_stays(tmp_path):
    write_whole(tmp_path / "a" / "picture.jpg", b"whole")
    assert (tmp_path / "a" / "picture.jpg").read_bytes() == b"whole"
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["picture.jpg"]


def test_what_was_there_stays_when_the_new_one_cannot_be_written(tmp_path, monkeypatch):
    path = tmp_path / "picture.jpg"
    write_whole(path, b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert [each.name for each in tmp_path.iterdir()] == ["picture.jpg"]
