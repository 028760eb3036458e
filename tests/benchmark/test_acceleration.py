"""The benchmark of `accelerate`: the two models are the same function, and its figures follow from its times."""

import json
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from escnn.nn import GroupPooling, InnerBatchNorm, R2Conv

from steergan.acceleration import accelerate, measuring, replacements
from steergan.benchmark import acceleration as measured
from steergan.benchmark.acceleration import EXPORTED, FASTER, INFERENCE, STOCK, TRAINING, Saving, StockClassifier
from steergan.benchmark.operators import largest_operators
from steergan.results import read_results
from steergan.verification import verify
from steergan.verification.subject import twin_of
from steergan_cli.benchmark.accelerate import GROUPS, MODELS, WIDTHS
from steergan_cli.main import steergan
from tests.benchmark.tiny import without_warm_up

TINY = (1, 2, 2, 1, 2, 1)


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Models of a moment."""
    monkeypatch.setattr(measured, "WIDTHS", {"small": TINY, "wide": TINY})
    monkeypatch.setattr(measuring, "BUDGET", 0.0)
    monkeypatch.setattr(measuring, "FEWEST", 1)
    without_warm_up(monkeypatch)


def saving(group: str, before: float, after: float) -> Saving:
    """Times that are the same in each of three rounds."""
    seconds = {STOCK: [before] * 3, FASTER: [after] * 3}
    return Saving(group, "small", (100, 200), {TRAINING: seconds, INFERENCE: {**seconds, EXPORTED: [after / 2] * 3}})


@pytest.mark.parametrize("group", GROUPS)
def test_every_layer_that_can_be_swapped_is_and_the_function_stays(group: str) -> None:
    torch.manual_seed(0)
    stock = StockClassifier(group, TINY).eval()
    faster = accelerate(twin_of(stock), measured.SIZE, for_=None, certify=False)
    assert all(row.new is not None for row in replacements(stock))
    assert not any(isinstance(module, R2Conv | InnerBatchNorm | GroupPooling) for module in faster.modules())
    image = torch.randn(2, 1, measured.SIZE, measured.SIZE)
    assert torch.allclose(faster(image), stock(image), rtol=1e-4, atol=1e-5)


def test_the_models_are_equivariant_before_and_after() -> None:
    stock = StockClassifier("C4", TINY)
    assert verify(stock, measured.SIZE).verdict == "proved"
    assert verify(accelerate(stock, measured.SIZE, for_=None), measured.SIZE).verdict == "proved"


def test_both_models_are_timed_in_training_and_inference(tiny: None) -> None:
    calls: list[tuple[int, int]] = []
    state = torch.get_rng_state()
    found = measured.measure("C4", "small", 2, 2, progress=lambda done, total: calls.append((done, total)))
    assert torch.equal(torch.get_rng_state(), state)
    assert calls == [(i + 1, 10) for i in range(10)]
    assert set(found.seconds[TRAINING]) == {STOCK, FASTER}
    assert set(found.seconds[INFERENCE]) == {STOCK, FASTER, EXPORTED}
    assert all(len(times) == 2 and min(times) > 0 for part in found.seconds.values() for times in part.values())
    # escnn's default band limit spans a part of our filters; which layers are swapped is measured.
    assert 0 < found.parameters[0] <= found.parameters[1]


def test_a_training_step_changes_the_weights_and_inference_none() -> None:
    model = StockClassifier("C4", TINY)
    images, labels = torch.randn(2, 1, measured.SIZE, measured.SIZE), torch.tensor([1, 2])
    before = [p.detach().clone() for p in model.parameters()]
    step = measured.training_step(model, images, labels)
    step()
    moved = [p.detach().clone() for p in model.parameters()]
    assert all(not torch.equal(a, b) for a, b in zip(before, moved, strict=True) if a.dim() == 2)
    assert not measured.inference(model.eval(), images)().requires_grad
    assert all(torch.equal(a, b) for a, b in zip(moved, model.parameters(), strict=True))


def test_ratios_say_how_many_times_as_fast() -> None:
    found = [saving("C4", 0.6, 0.2), saving("D4", 0.9, 0.2)]
    assert [s.times_as_fast(TRAINING).centre for s in found] == pytest.approx([3, 4.5])
    rows = measured.table(found).rows
    assert [row[2] for row in rows] == [STOCK, FASTER, STOCK, FASTER, EXPORTED] * 2
    assert [row[3] for row in rows[:2]] == [100, 200]
    assert rows[4][5].centre == pytest.approx(6)  # type: ignore[union-attr]
    assert measured.verdict(found) == (
        "Training step, times as fast once accelerated: C4 small 3, D4 small 4.5. "
        "Inference, times as fast once accelerated: C4 small 3, D4 small 4.5."
    )


def test_command_writes_json_and_a_record(tiny: None, tmp_path: Path) -> None:
    file, record = tmp_path / "times.json", tmp_path / "results" / "accelerate.json"
    command = ["benchmark", "accelerate", "--repeats", "1", "--batch-size", "2", "--device", "cpu", "--threads", "1"]
    chosen = [word for width in WIDTHS for word in ("--width", width)]
    wanted = [*command, *chosen, "--profile", "--json", str(file), "--record", str(record)]
    outcome = CliRunner().invoke(steergan, wanted)
    assert outcome.exit_code == 0, outcome.output
    assert "times as fast once accelerated: C4 small" in outcome.output
    models = json.loads(file.read_text())["models"]
    assert [(m["group"], m["width"]) for m in models] == [(g, w) for w in WIDTHS for g in GROUPS]
    assert all(set(m["times_as_fast"]) == {TRAINING, INFERENCE} for m in models)
    (claim,) = read_results(record.parent)
    assert claim.id == "accelerate"
    assert claim.protocol["images"] == "29 x 29 (others 29 to 33), random; batches of 2"
    assert len(claim.tables[0].rows) == 4 * 5
    assert len(claim.tables) == 1 + 4
    assert claim.tables[1].caption.startswith("C4 small, training step: milliseconds")


def test_the_largest_operators_stand_first_with_their_shares() -> None:
    times = {FASTER: {"mm": (1.0, 2.0), "conv": (3.0, 4.0)}, STOCK: {"conv": (8.0, 4.0), "pool": (2.0, 1.0)}}
    found = largest_operators(times, (FASTER, STOCK), "A model")
    assert found.rows == [
        ["conv", "3.00, 75% (4)", "8.00, 80% (4)"],
        ["mm", "1.00, 25% (2)", "-"],
        ["all", "4.00", "10.00"],
    ]


def test_the_command_offers_what_the_benchmark_has() -> None:
    assert tuple(measured.WIDTHS) == WIDTHS
    assert measured.GROUPS == GROUPS
    assert measured.MODELS == MODELS
