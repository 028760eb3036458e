"""What an export's report says of its run."""

from pathlib import Path

from steergan.run import load_run
from steergan.run.exporting import about, certificate, figures_at, metric_words
from steergan.run.folder import RunFolder
from steergan.training import JsonLines


def test_metrics_stand_beside_their_floors_and_their_protocol(tiny_run: Path) -> None:
    run = load_run(tiny_run)
    said = about(run)
    row = JsonLines(RunFolder(tiny_run).metric("kid")).rows()[-1]
    assert f"kid: {row['kid']:.4g}" in said["metrics"]
    assert "real against real" in said["metrics"]
    assert "Protocol: " in said["metrics"]
    assert said["classes"] == list(run.about.data.class_names)
    assert metric_words({}) == "None were recorded."


def test_figures_are_those_of_the_networks_that_are_exported(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    rows = JsonLines(folder.metric("kid"))
    for step, kid in ((5, 10.0), (10, 90.0)):
        rows.append({"step": step, "kid": kid})
    assert figures_at(folder, 5) == {"step": 5, "kid": 10.0}
    assert figures_at(folder, 10)["kid"] == 90.0
    assert figures_at(folder, 7) == {}


def test_certificate_is_that_of_the_part(tiny_run: Path) -> None:
    run = load_run(tiny_run)
    for part, word in (("synthesis", "equivariant"), ("trunk", "invariant")):
        found = certificate(run, part)
        assert found is not None
        assert found["verdict"] == "proved"
        assert word in found["sentence"]
