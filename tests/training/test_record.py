from pathlib import Path
from typing import Any

import pytest

from steergan.errors import RunError
from steergan.training import JsonLines
from tests.full_disk import largest_file


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_rows_are_in_the_file_as_soon_as_they_are_appended(tmp_path: Path) -> None:
    record = JsonLines(tmp_path / "stats.jsonl")
    assert record.rows() == []
    for step in (1, 2):
        record.append({"step": step, "loss": step / 3})
        assert len((tmp_path / "stats.jsonl").read_text().splitlines()) == step
    assert record.rows() == [{"step": 1, "loss": 1 / 3}, {"step": 2, "loss": 2 / 3}]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_json_cannot_say_becomes_null(tmp_path: Path, value: float) -> None:
    record = JsonLines(tmp_path / "stats.jsonl")
    record.append({"step": 1, "precision": value})
    assert record.rows() == [{"step": 1, "precision": None}]


def test_truncation_drops_later_rows_and_a_torn_last_line(tmp_path: Path) -> None:
    record = JsonLines(tmp_path / "stats.jsonl")
    for step in (10, 20, 30):
        record.append({"step": step})
    with open(record.path, "a") as file:
        file.write('{"step": 4')
    assert record.rows() == [{"step": 10}, {"step": 20}, {"step": 30}]
    record.truncate_after(20)
    record.append({"step": 30})
    assert record.path.read_text() == '{"step": 10}\n{"step": 20}\n{"step": 30}\n'


def test_truncating_a_file_that_is_not_there_makes_none(tmp_path: Path) -> None:
    JsonLines(tmp_path / "stats.jsonl").truncate_after(5)
    assert names(tmp_path) == []


def test_a_row_that_does_not_fit_on_the_disk_is_one_line_and_hurts_no_other(tmp_path: Path) -> None:
    record = JsonLines(tmp_path / "stats.jsonl")
    row: dict[str, Any] = {"step": 1, "text": "x" * 3000}
    record.append(row)
    with largest_file(1 << 12), pytest.raises(RunError, match=r"stats\.jsonl: cannot be written"):
        record.append(row | {"step": 2})
    record.append(row | {"step": 3})
    assert record.rows() == [row, row | {"step": 3}]


def test_truncation_on_a_full_disk_keeps_every_row(tmp_path: Path) -> None:
    record = JsonLines(tmp_path / "stats.jsonl")
    rows = [{"step": step, "text": "x" * 3000} for step in range(4)]
    for row in rows:
        record.append(row)
    with largest_file(1 << 12), pytest.raises(RunError, match="cannot be written"):
        record.truncate_after(2)
    assert record.rows() == rows
