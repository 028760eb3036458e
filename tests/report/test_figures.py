"""Figures of a run, as a page has them."""

from collections.abc import Mapping
from pathlib import Path

from steergan.report.figures import charts, curves, metrics
from steergan.run.folder import RunFolder
from steergan.training import JsonLines


def write(folder: RunFolder, key: str, *rows: Mapping[str, object]) -> None:
    for row in rows:
        JsonLines(folder.metric(key)).append(row)


def test_figures_stand_beside_their_floors(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    protocol = {"extractor": "classifier", "label_law": "held-out"}
    distances = {"floor_frechet_invariant": 1.5, "scrambled_frechet_invariant": 90.0, **protocol}
    steps = zip((0, 10, 20, 30), (100.0, 8.0, 4.0, 5.0), strict=True)
    write(folder, "frechet", *({"step": k, "frechet_invariant": v, **distances} for k, v in steps))
    agreements = ((0, 0.1), (30, 0.8))
    write(
        folder,
        "label-agreement",
        *({"step": k, "label_agreement": v, "label_agreement_real": 0.9} for k, v in agreements),
    )
    found = metrics(folder)
    distance, agreement = found["rows"]
    assert distance == {
        "name": "Frechet distance, invariant features",
        "start": "100",
        "best": "4 (step 20)",
        "last": "5",
        "real": "1.5",
        "scrambled": "90",
    }
    assert (agreement["last"], agreement["real"], agreement["scrambled"]) == ("0.8", "0.9", "-")
    assert found["protocol"] == [("extractor", "classifier"), ("label law", "held-out")]
    assert found["evaluations"][1] == ["10", "8", "-"]
    assert metrics(RunFolder(tmp_path / "none")) == {"rows": [], "sentence": ""}


def test_a_finished_run_is_summed_up_in_a_sentence(tiny_run: Path) -> None:
    assert "real against real" in metrics(RunFolder(tiny_run))["sentence"]


def test_charts_have_what_was_recorded(tiny_run: Path, tmp_path: Path) -> None:
    found = {chart.title: chart for chart in charts(RunFolder(tiny_run))}
    assert [step for step, _ in found["Label agreement"].lines["generated"]] == [0, 3, 6]
    assert len(found["Loss"].lines["generator"]) == len(JsonLines(tiny_run / "stats.jsonl").rows())
    assert "Probability of augmentation" not in found
    assert charts(RunFolder(tmp_path)) == []
    assert curves(RunFolder(tmp_path)) == []
