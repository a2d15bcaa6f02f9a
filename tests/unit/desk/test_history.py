"""What was said is kept once."""

from pathlib import Path

import pytest

from agent.core.errors import StoreError
from agent.desk.history import History, Record


def record(message_id: str, subject: str, unix_s: float, **body: object) -> Record:
    return Record(message_id, unix_s, "alert", "n1", subject, dict(body))


def test_a_message_is_kept_once_however_many_desks_write_it(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'history.sqlite'}"
    first, second = History(url, "forestry"), History(url, "forestry")
    first.write([record("m1", "a1", 1.0, sequence=1), record("m2", "a1", 2.0, sequence=2)])
    second.write([record("m1", "a1", 9.0, sequence=1), record("m3", "a2", 3.0, sequence=1)])
    assert [row["body"]["sequence"] for row in first.of("alert", "a1")] == [1, 2]
    assert [row["subject"] for row in second.newest("alert")] == ["a2", "a1"]
    assert [row["subject"] for row in second.newest("alert", before_unix_s=3.0)] == ["a1"]
    first.close()
    second.close()


def test_a_department_sees_its_own_history_only(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'history.sqlite'}"
    mine, other = History(url, "forestry"), History(url, "water")
    mine.write([record("m1", "a1", 1.0)])
    assert other.newest("alert") == []
    mine.close()
    other.close()


@pytest.mark.parametrize("url", ["mysql://host/db", "nonsense", "sqlite:////no/such/folder/history.sqlite"])
def test_a_history_that_cannot_be_opened_is_named(url: str) -> None:
    with pytest.raises(StoreError, match="history"):
        History(url, "forestry")
