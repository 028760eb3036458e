"""Which layers of an older run new networks start from."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from steergan import run
from steergan.errors import RunError
from steergan.recipe import Recipe, validate
from steergan.run.build import build_discriminator, build_generator
from steergan.run.transfer import Started, in_words, start_from, take_layers
from tests.thorough import also

MakeRecipe = Callable[..., Recipe]


def started(path: Path, recipe: Recipe, shape: tuple[int, int, int] = (1, 8, 8), classes: int = 2) -> Started:
    return start_from(
        path, recipe, build_generator(recipe, shape, classes), build_discriminator(recipe, shape, classes)
    )


def test_another_size_and_more_classes_leave_what_is_the_same(tiny_run: Path, recipe: MakeRecipe) -> None:
    """Twice the pixels: one more block in each network; of classes only the embeddings hang."""
    larger = recipe(
        "generator.widths=[8,4,4]", "generator.upsamplings=2", "discriminator.widths=[4,8,8]",
        "discriminator.downsample=[true,true,true]",
    )  # fmt: skip
    generator, discriminator = build_generator(larger, (1, 16, 16), 5), build_discriminator(larger, (1, 16, 16), 5)
    before = {name: value.clone() for name, value in generator.state_dict().items()}
    found = start_from(tiny_run, larger, generator, discriminator)
    old = run.load_run(tiny_run)
    new = found.transfer.generator.new
    assert new[0] == "embedding"
    assert {name.split(".")[0] for name in new[1:]} == {"synthesis"}
    assert found.transfer.discriminator.new == ("trunk.stages.6", "head.embedding")
    weights = old.generator.state_dict()
    taken = [name for name in generator.state_dict() if name in weights and "spectral" not in name]
    same = {name for name in taken if torch.equal(generator.state_dict()[name], weights[name])}
    assert {name for name in taken if name.rpartition(".")[0] in new} & same == set()
    assert torch.equal(generator.state_dict()["seed.weight"], weights["seed.weight"])
    assert torch.equal(generator.embedding.weight, before["embedding.weight"])
    assert "takes" in found.lines[0]
    assert "new: embedding, synthesis" in found.lines[0]
    assert found.lines[1].endswith("; new: trunk.stages.6, head.embedding")


def of_blocks(count: int, architecture: str, group: str) -> Recipe:
    """A recipe whose networks have so many blocks."""
    common: dict[str, Any] = {"architecture": architecture, "group": group, "widths": [8] * count}
    sizes = {"z_dim": 16, "embedding_dim": 4}
    if architecture != "modern":
        sizes |= {"seed_width": 4, "upsamplings": count - 1}
    networks = {"generator": common | sizes, "discriminator": common}
    return validate({"name": "x", "data": {"name": "digits"}, **networks}, "x")


@pytest.mark.parametrize("architecture", ["residual", *also("plain", "modern")])
@pytest.mark.parametrize("group", ["D4", *also("trivial", "SO2")])
def test_one_more_block_leaves_all_others(architecture: str, group: str) -> None:
    small, large = of_blocks(2, architecture, group), of_blocks(3, architecture, group)
    for build in (build_generator, build_discriminator):
        old, new = build(small, (1, 8, 8), 2), build(large, (1, 16, 16), 2)
        taken = take_layers(old, new)
        assert taken.layers >= 4
        weights = old.state_dict()
        same = [torch.equal(value, weights[name]) for name, value in new.state_dict().items()
                if name in weights and not any(name.startswith(layer) for layer in taken.new)]  # fmt: skip
        assert all(same)
        assert len(same) >= 4
        assert any(layer.startswith(("synthesis", "trunk")) for layer in taken.new)
        assert in_words("pair", taken).startswith(f"the pair takes {taken.layers} of ")


def test_another_group_is_refused_in_one_line(tiny_run: Path, recipe: MakeRecipe) -> None:
    with pytest.raises(RunError, match=r"its generator has the group C4 and the recipe's D4.*generator\.group = C4"):
        started(tiny_run, recipe("generator.group=D4"))
    with pytest.raises(RunError, match=r"its discriminator has the group C4 and the recipe's trivial"):
        started(tiny_run, recipe("discriminator.group=trivial"))


def test_a_gain_is_taken_with_all_layers_only(
    tiny_run: Path, recipe: MakeRecipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With new layers the scores' gradient is another, and the gain is measured anew."""
    with_gain = recipe("discriminator.initial_gradient=2")
    judge = build_discriminator(with_gain, (1, 8, 8), 2)
    assert judge.gain is not None
    judge.gain.fill_(7.0)
    older = run.load_run(tiny_run)._replace(discriminator=judge)
    monkeypatch.setattr("steergan.run.transfer.load_any_run", lambda _: older)
    for widths, taken in (("[4, 8]", True), ("[4, 12]", False)):
        made = recipe("discriminator.initial_gradient=2", f"discriminator.widths={widths}")
        generator, discriminator = build_generator(made, (1, 8, 8), 2), build_discriminator(made, (1, 8, 8), 2)
        assert start_from(tiny_run, made, generator, discriminator).had_gain == taken
        assert discriminator.gain is not None
        assert float(discriminator.gain) == (7.0 if taken else 1.0)


def test_networks_that_share_no_layer_are_refused(tiny_run: Path, recipe: MakeRecipe) -> None:
    sizes = "generator.z_dim=5", "generator.embedding_dim=3", "generator.seed_width=8", "generator.widths=[12,16]"
    with pytest.raises(RunError, match="no layer has the name, the shapes and the fields"):
        started(tiny_run, recipe(*sizes, "discriminator.widths=[8,12]"), (3, 8, 8), 4)


def test_layers_of_the_same_shapes_and_other_fields_are_not_taken(recipe: MakeRecipe) -> None:
    """C4 and D2 have four elements each: as many numbers, which mean other filters."""
    of_c4 = build_discriminator(recipe("discriminator.group=C4"), (1, 8, 8), 2)
    of_d2 = build_discriminator(recipe("discriminator.group=D2"), (1, 8, 8), 2)
    shapes = [{name: value.shape for name, value in one.state_dict().items()} for one in (of_c4, of_d2)]
    assert shapes[0] == shapes[1]
    taken = take_layers(of_c4, of_d2)
    assert {name for name in taken.new if name.startswith("trunk")} == {"trunk.stages.0", "trunk.stages.3"}
    assert take_layers(of_c4, of_c4).new == ()
