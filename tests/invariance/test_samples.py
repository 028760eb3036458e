"""The law of a generator's samples: proved for a symmetrized latent, found out for a dense one."""

import copy
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from steergan.errors import DataError
from steergan.invariance import samples as module
from steergan.invariance.features import OrientationFeatures
from steergan.invariance.samples import MeasuredLaw, SampleLaw, draw, latent_claim, sample_law
from steergan.networks import Generator
from tests.invariance.generators import PIXELS, generator

law = partial(sample_law, features=PIXELS, samples=800, permutations=199)


@pytest.fixture(scope="module")
def symmetrized() -> Generator:
    return generator("symmetrized")


@pytest.fixture(scope="module")
def dense() -> Generator:
    """Its samples are brighter on the right, so that no turn leaves their law as it is."""
    slanted, ramp = generator("dense"), torch.linspace(-1, 1, 8)
    slanted.register_forward_hook(lambda module, given, image: (image + ramp).clamp(-1, 1))
    return slanted


@pytest.fixture(scope="module")
def law_of_dense(dense: Generator) -> SampleLaw:
    return law(dense)


def measured(found: SampleLaw) -> MeasuredLaw:
    assert found.measured is not None
    return found.measured


def test_the_law_of_a_symmetrized_latent_is_proved_and_not_contradicted(symmetrized: Generator) -> None:
    found = law(symmetrized)
    assert (found.kind, found.holds, found.significant) == ("exact", True, ())
    assert found.latent == "symmetrized"
    assert found.proof is not None
    assert found.proof.holds
    assert len(measured(found).elements) == 3
    assert "bijection" in found.argument
    assert "No significance, as the proof demands" in found.argument


def test_the_law_of_a_dense_latent_is_found_not_to_be_invariant(law_of_dense: SampleLaw) -> None:
    found = law_of_dense
    assert (found.kind, found.holds, found.proof) == ("measured", False, None)
    elements = measured(found).elements
    assert found.significant == tuple(element.element for element in elements)
    assert [element.p_value for element in elements] == [1 / 200] * 3
    assert [element.adjusted_p_value for element in elements] == pytest.approx([3 / 200] * 3)
    assert min(element.effect for element in elements) > 4
    assert "not invariant under the rotation by 90 degrees" in found.argument
    assert measured(found).control.p_value > 0.05
    assert "untransformed" not in found.argument


def test_no_significance_is_not_called_a_proof(dense: Generator) -> None:
    found = law(dense, samples=4)  # too few to see anything
    assert (found.kind, found.holds) == ("measured", None)
    assert "not a proof" in found.argument


def test_without_samples_only_the_latent_speaks(symmetrized: Generator, dense: Generator) -> None:
    claim = latent_claim(symmetrized)
    assert (claim.kind, claim.holds, claim.measured) == ("exact", True, None)
    assert law(symmetrized).argument.startswith(claim.argument)
    claim = latent_claim(dense)
    assert (claim.kind, claim.holds, claim.measured) == ("measured", None, None)
    assert "nothing makes the law of its samples invariant under C4" in claim.argument


def test_halves_that_differ_by_chance_are_mentioned(dense: Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    halves = [torch.full((20, 1, 8, 8), 9 + 100 * half, dtype=torch.uint8) for half in range(2)]
    monkeypatch.setattr(module, "draw", lambda generator, labels, half, **_: halves[half])
    found = law(dense, samples=40)
    assert measured(found).control.p_value == 1 / 200
    assert "the halves differ untransformed too (p 0.005" in found.argument


def test_the_figures_say_what_they_hold_under(law_of_dense: SampleLaw) -> None:
    found = measured(law_of_dense)
    assert (law_of_dense.group, law_of_dense.latent, found.count, found.permutations) == ("C4", "dense", 400, 199)
    assert (found.features, found.features_sha256) == ("pixels", "")
    assert "stratified" in found.label_law


def test_twice_the_same_numbers_and_the_generator_stays_as_it_is(dense: Generator, law_of_dense: SampleLaw) -> None:
    before, stream = copy.deepcopy(dense.state_dict()), torch.get_rng_state()
    assert law(dense) == law_of_dense
    assert law(dense, seed=1) != law_of_dense
    assert all(torch.equal(before[key], value) for key, value in dense.state_dict().items())
    assert torch.equal(torch.get_rng_state(), stream)


def test_a_generator_in_double_precision_gives_the_same(dense: Generator, law_of_dense: SampleLaw) -> None:
    assert law(copy.deepcopy(dense).double()) == law_of_dense


def test_halves_are_drawn_apart_and_to_their_labels(dense: Generator) -> None:
    labels = torch.tensor([0, 1] * 150)  # more than one batch
    first, second = (draw(dense, labels, half, seed=0, law="normal") for half in range(2))
    assert first.dtype == torch.uint8
    assert first.shape == (300, 1, 8, 8)
    assert not torch.equal(first, second)
    assert not torch.equal(first[:250:2], first[1:250:2])
    assert not torch.equal(first[250:], first[:50])
    assert not torch.equal(first, draw(dense, labels, 0, seed=0, law="bernoulli"))


@pytest.mark.parametrize(("group", "why"), [("trivial", "The group is trivial"), ("C3", "No element of C3 but")])
def test_groups_that_permute_no_pixels_claim_nothing(group: str, why: str) -> None:
    found = law(generator("dense", group))
    assert (found.kind, found.holds, found.measured) == (None, None, None)
    assert found.argument.startswith(why)


def test_off_the_grid_quarter_turns_are_measured() -> None:
    found = law(generator("dense", "C8"), samples=80)
    assert (found.kind, found.group, len(measured(found).elements)) == ("measured", "C8", 3)


def test_reflections_are_proved_too() -> None:
    found = law(generator("symmetrized", "D4"), samples=80)
    assert (found.kind, found.group, len(measured(found).elements)) == ("exact", "D4", 7)


@pytest.mark.parametrize(("group", "kind"), [("C4", "exact"), ("C8", "bounded")])
def test_a_steerable_latent_is_proved_exactly_on_the_grid_and_up_to_bounds_off_it(group: str, kind: str) -> None:
    claim = latent_claim(generator("steerable", group, z_dim=16))
    assert (claim.kind, claim.latent, claim.holds) == (kind, "steerable", True)
    assert f"{group} acts on z" in claim.argument


def test_a_corrupted_table_of_turns_is_named(symmetrized: Generator) -> None:
    broken = copy.deepcopy(symmetrized)
    broken.turn_GP[1:] = broken.turn_GP[0]  # every element does nothing
    found = law(broken)
    assert (found.kind, found.holds) == ("measured", False)
    assert found.proof is not None
    assert not found.proof.holds
    assert "is not: g the identity" not in found.argument
    assert "of the seed map" in found.argument


def test_a_generator_that_never_draws_some_element_is_named(symmetrized: Generator) -> None:
    broken = copy.deepcopy(symmetrized)
    broken.elements = 3
    found = law(broken)
    assert found.kind == "measured"
    assert "rotation by 270 degrees" in found.argument


def test_samples_that_contradict_the_proof_are_not_passed_over(symmetrized: Generator) -> None:
    broken = copy.deepcopy(symmetrized)
    ramp = torch.linspace(-1, 1, 8)
    broken.register_forward_hook(lambda module, given, image: (image + ramp).clamp(-1, 1))
    found = law(broken)
    assert len(found.significant) == 3
    assert "or the synthesis is not equivariant" in found.argument


def test_features_that_are_not_finite_are_refused(dense: Generator) -> None:
    broken = OrientationFeatures("broken", "", lambda images: np.full((len(images), 2), np.nan))
    with pytest.raises(DataError, match="NaN or infinity"):
        law(dense, features=broken)


@pytest.mark.parametrize("samples", [0, 3])
def test_too_few_samples_are_refused(dense: Generator, samples: int) -> None:
    with pytest.raises(DataError, match="at least 4"):
        law(dense, samples=samples)


def test_too_few_permutations_are_refused(dense: Generator) -> None:
    with pytest.raises(DataError, match="at least 199"):
        law(dense, samples=4, permutations=100)


def test_only_adjusted_p_values_count_as_significant(law_of_dense: SampleLaw) -> None:
    found = measured(law_of_dense)
    weak = tuple(replace(element, p_value=0.04, adjusted_p_value=0.12) for element in found.elements)
    assert replace(law_of_dense, measured=replace(found, elements=weak)).significant == ()
