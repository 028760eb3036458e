"""Results survive their files, and what is none is named."""

import json
from pathlib import Path

import pytest

from steergan.errors import RunError
from steergan.results import read_results, write_result
from tests.benchmarks.results import a_result


def test_result_survives_its_file(tmp_path: Path) -> None:
    write_result(tmp_path / "deep" / "a-result.json", a_result())
    assert read_results(tmp_path / "deep") == [a_result()]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "not JSON"),
        ("{}", "not a result (id"),
        (json.dumps(a_result("other").model_dump()), "its id is 'other'"),
        (json.dumps(a_result("x").model_dump() | {"extra": 1}), "not a result (extra"),
    ],
)
def test_file_that_is_no_result_is_named(tmp_path: Path, content: str, reason: str) -> None:
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(RunError, match=r"x\.json: ") as found:
        read_results(tmp_path)
    assert reason in str(found.value)


def test_missing_folder_of_results_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no such folder"):
        read_results(tmp_path / "nowhere")
