"""The committed page is what its JSON says, and shows what a reader needs."""

from pathlib import Path

from click.testing import CliRunner

from benchmarks.__main__ import benchmarks
from benchmarks.page import render
from steergan.results import read_results, write_result
from tests.benchmarks.results import a_result

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "results.md"


def test_committed_page_is_what_the_committed_results_say() -> None:
    assert PAGE.read_text() == render(read_results(ROOT / "docs" / "results"))


def test_page_shows_everything_that_a_reader_needs_to_doubt_a_result(tmp_path: Path) -> None:
    page = render([a_result()])
    for wanted in (
        "[Title of a-result](#a-result)", '<a id="a-result"></a>', "Somebody said so.", "It holds.", "2021-05-03",
        "steergan study mine.toml", "2.0 ± 1.0", "- seeds: 0, 1, 2", "- classifier sha256: none",
        "- processor: a small one", "- versions: torch 2.6",
    ):  # fmt: skip
        assert wanted in page


def test_page_does_not_depend_on_the_order_in_which_results_were_written(tmp_path: Path) -> None:
    for name in ("b", "a", "c"):
        write_result(tmp_path / "one" / f"{name}.json", a_result(name))
    for name in ("c", "b", "a"):
        write_result(tmp_path / "two" / f"{name}.json", a_result(name))
    assert render(read_results(tmp_path / "one")) == render(read_results(tmp_path / "two"))


def test_command_writes_the_page_beside_the_folder(tmp_path: Path) -> None:
    write_result(tmp_path / "results" / "a-result.json", a_result())
    found = CliRunner().invoke(benchmarks, ["page", str(tmp_path / "results")])
    assert found.exit_code == 0, found.output
    assert (tmp_path / "results.md").read_text() == render([a_result()])
    refused = CliRunner().invoke(benchmarks, ["page", str(tmp_path / "nowhere")])
    assert refused.exit_code == 1
    assert "no such folder" in refused.output
