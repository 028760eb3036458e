"""Steerable latents, restricted discriminators and continuous groups: what is claimed, noticed and compared."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from steergan import run
from steergan.errors import RecipeError
from steergan.invariance.latent_law import latent_invariance
from steergan.invariance.words import reason
from steergan.recipe import Recipe
from steergan.run.nearest_images import larger_group
from steergan.run.verifying import law_of_samples
from steergan.symmetry import fourier_representation, gspace, pixel_group
from tests.notes import Notes

SLANT = np.array([[0.6, 0.8], [-0.8, 0.6]])
"""An orthogonal change of basis under which a sign is spread over both channels."""
pytestmark = pytest.mark.usefixtures("blank_curves")

STEERABLE = ("generator.latent=steerable", "generator.z_dim=16")


@pytest.mark.parametrize(
    ("group", "part"), [("SO2", "C4"), ("O2", "D4"), ("C16", "C4"), ("C6", "C2"), ("D8", "D4"), ("C3", "trivial")]
)
def test_neighbours_are_looked_for_over_what_permutes_pixels(
    recipe: Callable[..., Recipe], group: str, part: str
) -> None:
    assert pixel_group(group) == part
    settings = recipe(f"generator.group={group}", "generator.latent=dense", 'discriminator.group=["C2", "trivial"]')
    assert larger_group(settings) == (part if part != "trivial" else "C2")


# --- the law of the samples


def test_the_law_of_a_steerable_latent_is_proved_and_measured(recipe: Callable[..., Recipe], tmp_path: Path) -> None:
    folder = run.train(recipe(*STEERABLE, "training.steps=1"), tmp_path / "run", report=Notes())
    found = law_of_samples(run.load_run(folder), samples=80, permutations=199)
    assert (found.kind, found.holds, found.latent) == ("exact", True, "steerable")
    assert found.measured is not None
    assert len(found.measured.elements) == 3
    assert "C4 acts on z" in found.argument


def test_a_latent_that_is_no_signed_permutation_is_not_proved() -> None:
    from escnn.nn import FieldType

    space = gspace("C4")
    mixed = space.irrep(0) + space.irrep(2)
    slanted = FieldType(space, [mixed.__class__(space.fibergroup, "slanted", mixed.irreps, SLANT, [])])
    found = latent_invariance(slanted)
    assert (found.holds, found.witness) == (False, "the rotation by 90 degrees")
    assert "should be a signed permutation" in reason("steerable", "C4", found)
    right = FieldType(gspace("SO2"), [fourier_representation(gspace("SO2"), 3)] * 2)
    assert latent_invariance(right).holds


def test_rivals_from_stock_modules_are_of_finite_groups(recipe: Callable[..., Recipe]) -> None:
    from steergan.benchmark.rivals import stock_pair

    for settings, words in (
        (("generator.group=SO2", "generator.latent=dense"), "SO2 and O2"),
        (STEERABLE, "steerable"),
        (('discriminator.group=["C4", "C2"]',), "restricted"),
    ):
        with pytest.raises(RecipeError, match=words):
            stock_pair(recipe(*settings), (1, 8, 8), 2)
