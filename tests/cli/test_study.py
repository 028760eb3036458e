"""`steergan study`: what it refuses, and what it leaves behind."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from steergan import study
from tests.commands import invoke
from tests.study.studies import pretended_study, write_tiny_study


def test_two_studies_at_once_are_refused(tmp_path: Path) -> None:
    found = invoke("study", tmp_path / "a.toml", tmp_path / "b.toml")
    assert found.exit_code == 2
    assert "2 studies came; one at a time, or folders of studies with --combine" in found.output


def test_leaving_the_jobs_of_a_cluster_tabulates_what_is_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grid, root = pretended_study(tmp_path)
    (root / grid.runs[0].folder / "generator.safetensors").unlink()
    left = study.Outcome(finished=[run.folder for run in grid.runs[1:]], stopped=True)
    monkeypatch.setattr(study, "slurm_executor", lambda *_, **__: None)
    monkeypatch.setattr(study, "run_on_cluster", lambda *_, **__: left)
    found = invoke("study", tmp_path / "mine.toml", "--out", root, "--slurm")
    assert found.exit_code == 130, found.output
    assert "of the 7 finished runs" in found.output
    assert "1 of 2" in (root / "table.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--gpus", 1], "--gpus is for jobs of a cluster; add --slurm"),
        (["--slurm-set", "a=b"], "--slurm-set is for jobs of a cluster; add --slurm"),
        (["--slurm", "--slurm-set", "account"], "'account' came; KEY=VALUE was wanted"),
    ],
)
def test_options_of_jobs_that_cannot_be_are_refused(tmp_path: Path, arguments: Sequence[object], reason: str) -> None:
    found = invoke("study", write_tiny_study(tmp_path), *arguments)
    assert found.exit_code == 2
    assert reason in found.output
