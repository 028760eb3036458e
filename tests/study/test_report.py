"""Tables, files and sentences about a study."""

import csv
import json
from pathlib import Path

import pytest
from PIL import Image

from steergan import study
from steergan.study import Study, find, read_study, report
from steergan.study.pictures import curves_figure
from tests.study.studies import RECIPE, distances, pretend, write_study


def test_report_writes_tables_json_and_pictures(pretended: tuple[Study, Path]) -> None:
    grid, root = pretended
    report(grid, root)
    text = (root / "table.md").read_text()
    row = next(line for line in text.splitlines() if line.startswith("| C4 in D       | 100 %"))
    assert [cell.strip() for cell in row.split("|")[3:6]] == ["2", "100", "4.50 ± 0.71"]  # start and least
    assert "- extractor sha256: abc" in text
    rows = list(csv.DictReader((root / "table.csv").read_text().splitlines()))
    assert [float(row["frechet_invariant_min mean"]) for row in rows] == [16.5, 8.5, 8.5, 4.5]
    table = json.loads((root / "study.json").read_text())
    assert table["cells"][3]["figures"]["frechet_invariant_min"]["values"] == [4, 5]
    snapshots = table["cells"][3]["runs"][1]["snapshots"]
    assert [(row["step"], row["frechet_invariant"]) for row in snapshots] == [(0, 100), (1, 5), (2, 10)]
    assert [row["recall"] for row in snapshots] == pytest.approx([0.99, 0.8, 0.9])
    assert table["protocol"]["real_count"] == 32
    for name in ("curves", "precision-recall", "samples"):
        with Image.open(root / f"{name}.png") as picture:
            assert picture.width > 300


def test_study_without_frechet_distances_is_judged_by_kid(grid: Study, tmp_path: Path) -> None:
    for run in grid.runs:
        pretend(run, tmp_path, distances(run))
        for path in (tmp_path / run.folder).glob("metric-frechet.jsonl"):
            rows = [json.loads(line) for line in path.read_text().splitlines()]
            hidden = dict.fromkeys(("frechet_invariant", "frechet_equivariant", "floor_frechet_invariant"))
            path.write_text("".join(json.dumps(row | hidden) + "\n" for row in rows))
    findings = report(grid, tmp_path)
    text = (tmp_path / "table.md").read_text()
    assert "Kernel distance (KID)" in text
    assert "Frechet distance, invariant" not in text
    assert curves_figure(findings).axes[0].get_ylabel() == "KID"
    assert "mean KID times" in study.result(findings, "x", "steergan study mine.toml").verdict


def test_verdict_compares_options_in_plain_sentences(pretended: tuple[Study, Path], tmp_path: Path) -> None:
    claim = study.result(find(*pretended), "x", "steergan study mine.toml")
    ratio = (4 / 8 * 5 / 9) ** 0.5
    assert f"C4 in D against CNN in D (100 %): mean Frechet distance times {ratio:.3f}" in claim.verdict
    assert "lower in 2 of 2 seeds: too few seeds for an interval" in claim.verdict
    assert "Missing" not in claim.verdict
    lonely = read_study(write_study(tmp_path, ""))
    for run in lonely.runs:
        pretend(run, tmp_path / "lonely", distances(run))
    claim = study.result(find(lonely, tmp_path / "lonely"), "x", "steergan study mine.toml")
    assert claim.verdict == "Lowest mean Frechet distance: 12.8 ± 1.1 (the recipe)."


def test_verdict_names_the_runs_that_are_missing(pretended: tuple[Study, Path]) -> None:
    grid, root = pretended
    (root / grid.runs[0].folder / "generator.safetensors").unlink()
    claim = study.result(find(grid, root), "x", "steergan study mine.toml")
    assert claim.verdict.endswith("Missing: CNN in D, 10 %, seed 0.")
    assert "lower in 1 of 1 seeds" in claim.verdict


def test_a_study_without_features_tells_sizes_and_times_and_says_that_nothing_was_measured(tmp_path: Path) -> None:
    path, root = write_study(tmp_path), tmp_path / "out"
    (tmp_path / "tiny.toml").write_text(RECIPE + 'features = "none"\n')
    unmeasured = read_study(path)
    for run in unmeasured.runs:
        pretend(run, root, distances(run))
        for path in (root / run.folder).glob("metric-*"):
            path.unlink()
    findings = report(unmeasured, root)
    text = (root / "table.md").read_text()
    assert "Frechet" not in text
    assert "parameters G" in text
    assert not (root / "curves.png").exists()
    assert (root / "samples.png").exists()
    assert study.result(findings, "x", "y").verdict == 'Nothing was measured: evaluation.features = "none".'


@pytest.mark.parametrize(
    ("extractor", "words"),
    [("scattering", "texture metric"), ("untrained classifier", "untrained features")],
)
def test_tables_and_verdicts_say_what_features_are_worth(
    grid: Study, tmp_path: Path, extractor: str, words: str
) -> None:
    for run in grid.runs:
        pretend(run, tmp_path / "out", distances(run), extractor=extractor)
    findings = report(grid, tmp_path / "out")
    captions = [line for line in (tmp_path / "out/table.md").read_text().splitlines() if "Frechet" in line]
    assert len(captions) == 3
    assert all(words in line for line in captions)
    assert words in study.result(findings, "x", "y").verdict
    assert words in curves_figure(findings).axes[0].get_ylabel()
    (combined, _) = study.combine([tmp_path / "out"])
    assert combined.columns[-1] == f"mine, Frechet distance ({words})"
