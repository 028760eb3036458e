"""The model of a step on several processes: its terms are found again, and its messages are those that are sent."""

from pathlib import Path

import pytest

from benchmarks import scaling
from benchmarks.__main__ import benchmarks
from benchmarks.scaling import COUNTS, Link, Scaling, assumed, fitted
from steergan.errors import RecipeError
from tests.benchmarks import tiny
from tests.processes import warm_for_fresh

RECIPE = tiny.recipe(8, discriminator_updates=2)


def test_a_link_is_fitted_to_its_own_times() -> None:
    link = Link(latency=2e-5, bandwidth=3e9)
    found = fitted({size: link.seconds(size, 2) for size in scaling.SIZES})
    assert found.latency == pytest.approx(2e-5, rel=1e-6)
    assert found.bandwidth == pytest.approx(3e9, rel=1e-6)


def test_messages_cost_more_among_more_processes_and_nothing_alone() -> None:
    link = Link(latency=1e-5, bandwidth=1e9)
    seconds = [link.seconds(1 << 20, count) for count in COUNTS]
    assert seconds[0] == 0
    assert seconds == sorted(seconds)
    assert seconds[1] == pytest.approx(2e-5 + (1 << 20) / 1e9)
    assert seconds[-1] == pytest.approx(12e-5 + 2 * 63 / 64 * (1 << 20) / 1e9)


@pytest.fixture(scope="module")
def found() -> Scaling:
    with warm_for_fresh():
        return scaling.measure(RECIPE, 2)


def test_every_update_sends_its_gradients_once(found: Scaling) -> None:
    from steergan import data
    from steergan.benchmark import own_pair
    from steergan.benchmark.step import count

    generator, discriminator = (4 * count(net) for net in own_pair(RECIPE, *data.image_kind(RECIPE.data)))
    sent = sorted(found.messages)
    assert sent[-3:] == sorted([generator, discriminator, discriminator])
    assert all(size < 4096 for size in sent[:-3])  # scores and moments


def test_the_model_adds_up(found: Scaling) -> None:
    assert found.batches == (2, 4, 8)
    assert found.step(1) == found.compute(1) == pytest.approx(found.fixed + 8 * found.per_image)
    assert found.talk(2) > 0
    elsewhere = assumed(found, latency=1e-6, bandwidth=1e12, wait=0.0, fixed=1e-3, per_image=1e-3)
    assert elsewhere.step(4) == pytest.approx(3e-3, rel=0.1)
    assert assumed(found) == found


@pytest.mark.parametrize("size", [4, 6, 18])
def test_a_batch_that_cannot_be_halved_twice_is_refused(size: int) -> None:
    with pytest.raises(RecipeError, match=f"batch_size = {size}"):
        scaling.measure(tiny.recipe(size), 1)


def test_the_command_takes_terms_of_elsewhere(
    found: Scaling, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from click.testing import CliRunner

    from steergan.recipe import write_recipe

    monkeypatch.setattr(scaling, "measure", lambda settings, rounds, progress: found)
    file = tmp_path / "tiny.toml"
    file.write_text(write_recipe(RECIPE))
    options = ["--recipe", str(file), "--repeats", "1", "--bandwidth", "20", "--image-ms", "0.5"]
    ended = CliRunner().invoke(benchmarks, ["scaling", *options])
    assert ended.exit_code == 0, ended.output
    assert "By the terms given" in ended.output
    assert "20 GB/s" in ended.output
