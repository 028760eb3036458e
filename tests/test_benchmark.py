"""The benchmark: its rivals are what they are said to be, and its clock is fair."""

import copy
import json
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from steergan import benchmark
from steergan.benchmark import equal_channels, in_turns, own_pair, ratio, stock_pair, timing
from steergan.benchmark.step import (
    CHANNELS,
    LIMITS,
    OWN,
    PLAIN,
    STOCK,
    time_step,
    without_spectral_norm,
)
from steergan.layers import GroupConvolution
from steergan.recipe import Recipe, write_recipe
from steergan.results import read_claims
from steergan_cli.main import steergan

SHAPE = (1, 16, 16)
CLASSES = 3


def recipe(group: str = "C4", **training: object) -> Recipe:
    return Recipe.model_validate(
        {
            "name": "tiny",
            "data": {"name": "digits"},
            "generator": {
                "group": group, "latent": "dense", "z_dim": 5, "embedding_dim": 4, "seed_width": 4,
                "widths": [12, 8, 6],
            },
            "discriminator": {"group": group, "widths": [6, 8, 12]},
            "training": {"batch_size": 4, "discriminator_updates": 1, **training},
        }
    )  # fmt: skip


def channels(network: torch.nn.Module) -> list[tuple[int, int]]:
    """Of every convolution, in order."""
    found = [m for m in network.modules() if isinstance(m, GroupConvolution)]
    return [(m.in_type.size, m.out_type.size) for m in found]


@pytest.mark.parametrize("group", ["trivial", "C2", "C4", "D4"])
def test_plain_rival_has_as_many_channels_in_every_feature_map(group: str) -> None:
    own, plain = (own_pair(r, SHAPE, CLASSES) for r in (recipe(group), equal_channels(recipe(group))))
    assert channels(own.discriminator) == channels(plain.discriminator)  # type: ignore[arg-type]
    ours, theirs = channels(own.generator), channels(plain.generator)  # type: ignore[arg-type]
    assert ours[:-1] == theirs[:-1]
    assert theirs[-1] == (ours[-1][0], SHAPE[0])
    assert equal_channels(recipe(group)).generator.group == "trivial"


def copy_to_stock(own: torch.nn.Module, stock: torch.nn.Module) -> None:
    """Give the stock network the other's filters, dense weights and embeddings, each in order."""
    ours = [m for m in own.modules() if isinstance(m, GroupConvolution)]
    theirs = [m for m in stock.modules() if type(m).__name__ == "R2Conv"]
    for convolution, target in zip(ours, theirs, strict=True):
        target.load_state_dict(convolution.to_r2conv().state_dict(), strict=False)
    for kind in (torch.nn.Linear, torch.nn.Embedding):
        pairs = zip(*([m for m in net.modules() if isinstance(m, kind)] for net in (own, stock)), strict=True)
        for source, target in pairs:
            target.load_state_dict({k: v for k, v in source.state_dict().items() if k in ("weight", "bias")})


@pytest.mark.parametrize("group", ["trivial", "C4", "D4"])
def test_stock_rival_computes_the_same_function(group: str) -> None:
    settings = without_spectral_norm(recipe(group))
    own, stock = own_pair(settings, SHAPE, CLASSES), stock_pair(settings, SHAPE, CLASSES)
    for ours, theirs in zip(own, stock, strict=True):
        copy_to_stock(ours, theirs)  # type: ignore[arg-type]
    draw = torch.Generator().manual_seed(1)
    z, y = torch.randn(4, 5, generator=draw), torch.tensor([0, 1, 2, 1])
    with torch.no_grad():
        image, theirs = own.generator(z, y), stock.generator(z, y)
        torch.testing.assert_close(theirs, image, rtol=1e-4, atol=1e-5)
        score = own.discriminator(image, y)
        torch.testing.assert_close(stock.discriminator(image, y), score, rtol=1e-4, atol=1e-5)
    assert image.std() > 1e-3
    assert score.std() > 1e-4


def test_stock_rival_turns_its_seed_map_by_the_element_too() -> None:
    symmetrized = recipe().generator.model_copy(update={"latent": "symmetrized"})
    generator = stock_pair(recipe().model_copy(update={"generator": symmetrized}), SHAPE, CLASSES).generator
    assert generator.elements == 4
    generator.eval()
    z, y = torch.randn(1, 5), torch.tensor([2])
    with torch.no_grad():
        upright, turned = (generator(z, y, torch.tensor([g])) for g in (0, 1))
    torch.testing.assert_close(turned, torch.rot90(upright, 1, (2, 3)), rtol=1e-4, atol=1e-5)
    assert (turned - upright).abs().max() > 1e-3


def test_rivals_take_turns_and_the_warm_up_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    clock = 0.0

    def action(name: str, seconds: float) -> None:
        nonlocal clock
        calls.append(name)
        clock += seconds * (100 if len(calls) <= 3 * timing.WARM_UP else 1)

    monkeypatch.setattr(timing.time, "perf_counter", lambda: clock)
    told: list[tuple[int, int]] = []
    rivals = {name: lambda n=name, s=s: action(n, s) for name, s in {"a": 1.0, "b": 2.0, "c": 4.0}.items()}
    seconds = in_turns(rivals, 3, progress=lambda done, total: told.append((done, total)))
    assert calls == ["a", "b", "c"] * (3 + timing.WARM_UP)
    assert seconds == {"a": [1.0] * 3, "b": [2.0] * 3, "c": [4.0] * 3}
    assert told[-1] == (15, 15)


def test_ratios_are_of_the_same_round() -> None:
    found = ratio({"a": [1.0, 20.0, 3.0], "b": [2.0, 10.0, 3.0]}, "a", "b")
    assert found.values == [0.5, 2.0, 1.0]
    assert (found.lower, found.centre, found.upper) == (0.75, 1.0, 1.5)


@pytest.fixture(scope="module")
def timed() -> benchmark.StepBenchmark:
    return time_step(recipe(), rounds=2)


def test_step_is_timed_for_all_rivals(timed: benchmark.StepBenchmark) -> None:
    assert list(timed.seconds) == [OWN, CHANNELS, STOCK, PLAIN]
    assert all(len(seconds) == 2 and min(seconds) > 0 for seconds in timed.seconds.values())
    assert timed.parameters[OWN] == timed.parameters[STOCK] == timed.parameters[PLAIN]
    assert timed.parameters[CHANNELS][1] > timed.parameters[OWN][1]
    assert timed.image_shape == (1, 16, 16)


def test_verdict_says_which_limits_are_kept(timed: benchmark.StepBenchmark) -> None:
    quick = {OWN: [1.0], CHANNELS: [1.0], STOCK: [2.0], PLAIN: [0.5]}
    found = benchmark.verdict(benchmark.StepBenchmark(**{**vars(timed), "seconds": quick}))
    assert f"1 times the step of the {CHANNELS} pair: the limit of 1.10 is kept." in found
    assert f"0.5 times the step of the {STOCK} pair: the limit of 1.00 is kept." in found
    assert "0.25 times" in found
    slow = {OWN: [3.0], CHANNELS: [1.0], STOCK: [2.0], PLAIN: [0.5]}
    assert benchmark.verdict(benchmark.StepBenchmark(**{**vars(timed), "seconds": slow})).count("missed") == len(LIMITS)


def test_command_prints_a_table_and_writes_json_and_a_claim(tmp_path: Path) -> None:
    (tmp_path / "tiny.toml").write_text(write_recipe(recipe()))
    options = ["--recipe", str(tmp_path / "tiny.toml"), "--set", "training.batch_size=2", "--device", "cpu"]
    files = ["--json", str(tmp_path / "step.json"), "--record", str(tmp_path / "claims" / "tiny-step.json")]
    found = CliRunner().invoke(steergan, ["benchmark", "step", *options, "--repeats", "1", "--threads", "1", *files])
    assert found.exit_code == 0, found.output
    assert "| stock escnn" in found.output
    assert "times the step of" in found.output
    table = json.loads((tmp_path / "step.json").read_text())
    assert set(table["rivals"]) == {OWN, CHANNELS, STOCK, PLAIN}
    assert table["ratios"][STOCK]["values"] == [
        table["rivals"][OWN]["seconds"][0] / table["rivals"][STOCK]["seconds"][0]
    ]
    assert table["hardware"]["threads"] == 1
    (claim,) = read_claims(tmp_path / "claims")
    assert claim.id == "tiny-step"
    assert claim.protocol["batch_size"] == 2


def test_copy_of_a_stock_network_lists_its_own_modules() -> None:
    generator = stock_pair(recipe(), SHAPE, CLASSES).generator
    list(generator.modules())
    twin = copy.deepcopy(generator)
    assert set(twin.modules()) == set(torch.nn.Module.modules(twin))  # type: ignore[arg-type]
    assert not set(twin.modules()) & set(generator.modules())
