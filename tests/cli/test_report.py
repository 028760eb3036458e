"""`steergan report`, and what `steergan train` says of it."""

from pathlib import Path

import pytest

from steergan.report import Page
from tests.commands import invoke


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    """Of what pages are asked for; they are not made, which takes seconds."""
    asked: list[tuple[object, ...]] = []

    def made(*wanted: object) -> Page:
        asked.append(wanted)
        return Page("<p>whole</p>", ("reals.png: damaged",))

    monkeypatch.setattr("steergan.report.page.report_page", made)
    return asked


def test_the_page_lies_in_the_run_and_what_it_lacks_is_told(
    tiny_run: Path, tmp_path: Path, pages: list[tuple[object, ...]]
) -> None:
    out = tmp_path / "new" / "page.html"
    told = invoke("report", tiny_run, "--out", out, "--at", "best", "--no-neighbours")
    assert told.exit_code == 0, told.output
    assert out.read_text() == "<p>whole</p>"
    assert told.output.splitlines() == ["left out: reals.png: damaged", f"{out}: 0.00 MB, opens in any browser"]
    _, wish, _ = pages[0]
    assert (wish.at, wish.neighbours) == ("best", False)  # type: ignore[attr-defined]


def test_what_is_damaged_is_said_by_the_exit_code_too(
    tiny_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = Page("<p>rest</p>", ("generator.safetensors: cut short",), damaged=True)
    monkeypatch.setattr("steergan.report.page.report_page", lambda *_: page)
    told = invoke("report", tiny_run, "--out", tmp_path / "page.html")
    assert told.exit_code == 1
    assert (tmp_path / "page.html").read_text() == "<p>rest</p>"
    assert "left out: generator.safetensors: cut short" in told.output


@pytest.mark.parametrize("damage", ["resolved.toml", "run.json", ""])
def test_what_cannot_be_read_is_refused_in_a_line(tmp_path: Path, damage: str, tiny_run: Path) -> None:
    if damage:
        for name in ("resolved.toml", "run.json"):
            (tmp_path / name).write_bytes((tiny_run / name).read_bytes())
        (tmp_path / damage).write_bytes(b"\0{")
    told = invoke("report", tmp_path)
    assert told.exit_code in (1, 2)
    assert len(told.output.splitlines()) == 1
    assert not (tmp_path / "report.html").exists()


def test_training_ends_with_the_command_and_writes_the_page_if_asked(
    tiny_recipe: Path, tmp_path: Path, pages: list[tuple[object, ...]], blank_curves: None
) -> None:
    run = tmp_path / "run"
    settings = ["--set", "training.steps=1", "--set", "evaluation.features=none", "--out", run]
    told = invoke("train", tiny_recipe, *settings)
    assert told.exit_code == 0, told.output
    assert told.output.splitlines()[-1] == f"all of it on one page: steergan report {run}"
    assert pages == []
    told = invoke("train", tiny_recipe, *settings, "--report")
    assert told.output.splitlines()[-1] == f"{run / 'report.html'}: 0.00 MB, opens in any browser"
    assert (run / "report.html").read_text() == "<p>whole</p>"
