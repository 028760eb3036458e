"""What a recipe would build, as text."""

import re
from collections.abc import Callable

import torch

from steergan.recipe import Recipe
from steergan.run.build import build_discriminator, build_generator
from steergan.run.plan import plan

MakeRecipe = Callable[..., Recipe]


def test_a_plan_names_the_data_every_layer_and_the_recipe(recipe: MakeRecipe) -> None:
    data, generator, discriminator, convolutions, *_ = plan(recipe()).split("\n\n")
    assert data.splitlines() == [
        "data: 24 training and 16 held-out images of 1 x 8 x 8, 2 classes",
        "class  name  training  held out",
        "    0  0           12         8",
        "    1  1           12         8",
        "read as: arrays of a .npz file, 0.4 of every class held out, seed 0",
    ]
    for text, build in ((generator, build_generator), (discriminator, build_discriminator)):
        network = build(recipe(), (1, 8, 8), 2)
        *rows, total = text.splitlines()[2:]
        assert total.split()[:2] == ["total", f"{sum(p.numel() for p in network.parameters()):,}"]
        assert len(rows) == len({row.split()[0] for row in rows}) > 4
    assert convolutions.startswith("convolutions: ")
    assert "steps = 6" in plan(recipe())


def test_a_plan_says_how_long_it_will_take_where_that_can_be_found_out(recipe: MakeRecipe) -> None:
    assert re.search(r"\npace: \S+ s a step, .* for 6 steps, \d+\.\d GB of memory, evaluations aside\n", plan(recipe()))
    if not torch.backends.mps.is_available():
        dense = recipe("performance.convolution=dense")
        assert "pace: not measured, this machine has no mps device" in plan(dense, device="mps")


def test_a_plan_says_which_latent_was_chosen(recipe: MakeRecipe) -> None:
    steered = plan(recipe("generator.group=SO2", "generator.frequency=1", "generator.kernel_size=3"))
    assert "\n\nlatent: steerable, SO2 acts on it, and the picture turns with it\n\n" in steered
    assert "\n\nlatent: symmetrized, a random element of C4 turns each seed map\n\n" in plan(recipe())


def test_columns_of_a_plan_are_aligned(recipe: MakeRecipe) -> None:
    lines = plan(recipe()).split("\n\n")[1].splitlines()[1:]
    assert len({len(line) for line in lines}) == 1
    assert all(line[lines[0].index("kind") - 2 :].startswith("  ") for line in lines)
