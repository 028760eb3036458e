"""The law of a run's samples: proved for a symmetrized latent, found out for a dense one, without the data."""

import copy
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from shutil import copyfile

import numpy as np
import pytest
import torch

from steergan import run
from steergan.errors import DataError
from steergan.invariance.samples import (
    SampleFeatures,
    choose_features,
    draw,
    element_laws,
    holm,
    sample_law,
    significant,
)
from steergan.metrics import shipped_weights
from steergan.recipe import Recipe, read_recipe
from steergan.run import LoadedRun
from steergan.run.build import build_generator
from steergan.run.folder import RunFolder
from steergan.symmetry import gspace
from tests.notes import Notes

law = partial(sample_law, samples=800, permutations=199)


@pytest.fixture(scope="module")
def symmetrized(tiny_run: Path) -> LoadedRun:
    return run.load_run(tiny_run)


@pytest.fixture(scope="module")
def dense(tiny_recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> LoadedRun:
    from steergan.run.reporting import Silence

    recipe = read_recipe(tiny_recipe, ["generator.latent=dense"])
    return run.load_run(run.train(recipe, tmp_path_factory.mktemp("runs") / "dense", report=Silence()))


def with_generator(loaded: LoadedRun, recipe: Recipe) -> LoadedRun:
    """The same run with an untrained generator of another recipe."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        generator = build_generator(recipe, loaded.generator.image_shape, loaded.generator.classes)
    return loaded._replace(recipe=recipe, generator=generator.eval())


def with_features(loaded: LoadedRun, features: str) -> LoadedRun:
    evaluation = loaded.recipe.evaluation.model_copy(update={"features": features})
    return loaded._replace(recipe=loaded.recipe.model_copy(update={"evaluation": evaluation}))


def test_the_law_of_a_symmetrized_latent_is_proved_and_not_contradicted(symmetrized: LoadedRun) -> None:
    found = law(symmetrized)
    assert (found.kind, found.holds, found.significant) == ("exact", True, ())
    assert found.proof is not None
    assert found.proof.holds
    assert len(found.elements) == 3
    assert "bijection" in found.argument
    assert "No significance, as the proof demands" in found.argument


def test_the_law_of_a_dense_latent_is_found_not_to_be_invariant(dense: LoadedRun) -> None:
    found = law(dense)
    assert (found.kind, found.holds, found.proof) == ("measured", False, None)
    assert found.significant == tuple(element.element for element in found.elements)
    assert [element.p_value for element in found.elements] == [1 / 200] * 3
    assert [element.adjusted_p_value for element in found.elements] == pytest.approx([3 / 200] * 3)
    assert min(element.effect for element in found.elements) > 4
    assert "not invariant under the rotation by 90 degrees" in found.argument
    assert found.control is not None
    assert found.control.p_value > 0.05
    assert "untransformed" not in found.argument


def test_no_significance_is_not_called_a_proof(dense: LoadedRun) -> None:
    found = sample_law(dense, samples=4, permutations=199)  # too few to see anything
    assert (found.kind, found.holds) == ("measured", None)
    assert "not a proof" in found.argument


def test_halves_that_differ_by_chance_are_mentioned(dense: LoadedRun, monkeypatch: pytest.MonkeyPatch) -> None:
    halves = [torch.full((20, 1, 8, 8), 9 + 100 * half, dtype=torch.uint8) for half in range(2)]
    monkeypatch.setattr(sys.modules[sample_law.__module__], "draw", lambda run, labels, half: halves[half])
    found = sample_law(dense, samples=40, permutations=199)
    assert found.control is not None
    assert found.control.p_value == 1 / 200
    assert "the halves differ untransformed too (p 0.005" in found.argument


def test_the_figures_say_what_they_hold_under(dense: LoadedRun) -> None:
    found = law(dense)
    assert (found.group, found.latent, found.count, found.permutations) == ("C4", "dense", 400, 199)
    assert found.extractor == "features"
    assert len(found.extractor_sha256) == 64
    assert "stratified" in found.label_law


def test_twice_the_same_numbers_and_the_run_stays_as_it_is(dense: LoadedRun) -> None:
    before, stream = copy.deepcopy(dense.generator.state_dict()), torch.get_rng_state()
    assert law(dense) == law(dense)
    assert all(torch.equal(before[key], value) for key, value in dense.generator.state_dict().items())
    assert torch.equal(torch.get_rng_state(), stream)


def test_a_generator_in_double_precision_gives_the_same(dense: LoadedRun) -> None:
    assert law(dense._replace(generator=copy.deepcopy(dense.generator).double())) == law(dense)


def test_halves_are_drawn_apart_and_to_their_labels(dense: LoadedRun) -> None:
    labels = torch.tensor([0, 1] * 150)  # more than one batch
    first, second = draw(dense, labels, 0), draw(dense, labels, 1)
    assert first.dtype == torch.uint8
    assert first.shape == (300, 1, 8, 8)
    assert not torch.equal(first, second)
    assert not torch.equal(first[:250:2], first[1:250:2])
    assert not torch.equal(first[250:], first[:50])


def test_the_trivial_group_claims_nothing(dense: LoadedRun, recipe: Callable[..., Recipe]) -> None:
    found = law(with_generator(dense, recipe("generator.group=trivial")))
    assert (found.kind, found.holds, found.elements) == ("none", None, ())


def test_off_the_grid_quarter_turns_are_measured(dense: LoadedRun, recipe: Callable[..., Recipe]) -> None:
    found = law(with_generator(dense, recipe("generator.group=C8", "generator.latent=dense")))
    assert (found.kind, found.group, len(found.elements)) == ("measured", "C8", 3)


def test_reflections_are_proved_too(symmetrized: LoadedRun, recipe: Callable[..., Recipe]) -> None:
    found = law(with_generator(symmetrized, recipe("generator.group=D4")))
    assert (found.kind, found.group, len(found.elements)) == ("exact", "D4", 7)


def test_the_elements_that_leave_a_law_as_it_is_are_told_from_the_others() -> None:
    """Noise around the letter T, which only the reflection of left and right maps onto itself."""
    letter = torch.zeros(1, 7, 7)
    letter[:, 1, 1:6] = letter[:, 1:6, 3] = 60
    stream = torch.Generator().manual_seed(0)
    first, second = (letter + torch.randint(150, (80, 1, 7, 7), generator=stream) for _ in range(2))
    pixels = SampleFeatures("pixels", "", lambda images: images.flatten(1).double().numpy())
    labels = torch.arange(80) % 3
    control, found = element_laws(gspace("D4"), (first.byte(), second.byte()), labels, pixels, 199, 0)
    assert (control.element, len(found)) == ("the identity", 7)
    assert control.p_value > 0.05
    assert {element.element for element in found} - set(significant(found)) == {"the reflection of left and right"}


def test_a_corrupted_table_of_turns_is_named(symmetrized: LoadedRun) -> None:
    generator = copy.deepcopy(symmetrized.generator)
    generator.turn_GP[1:] = generator.turn_GP[0]  # every element does nothing
    found = law(symmetrized._replace(generator=generator))
    assert (found.kind, found.holds) == ("measured", False)
    assert found.proof is not None
    assert not found.proof.holds
    assert "is not: g the identity" not in found.argument
    assert "of the seed map" in found.argument


def test_a_generator_that_never_draws_some_element_is_named(symmetrized: LoadedRun) -> None:
    generator = copy.deepcopy(symmetrized.generator)
    generator.elements = 3
    found = law(symmetrized._replace(generator=generator))
    assert found.kind == "measured"
    assert "rotation by 270 degrees" in found.argument


def test_samples_that_contradict_the_proof_are_not_passed_over(symmetrized: LoadedRun) -> None:
    generator = copy.deepcopy(symmetrized.generator)
    ramp = torch.linspace(-1, 1, 8)
    generator.register_forward_hook(lambda module, given, image: (image + ramp).clamp(-1, 1))
    found = law(symmetrized._replace(generator=generator))
    assert len(found.significant) == 3
    assert "or the synthesis is not equivariant" in found.argument


def test_it_works_when_the_data_is_gone(
    tiny_recipe: Path, recipe: Callable[..., Recipe], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copyfile(tiny_recipe.parent / "tiny.npz", tmp_path / "gone.npz")
    own = recipe(f"data.path={tmp_path}/gone.npz", "evaluation.features=classifier", "data.held_out=0.5")
    loaded = run.load_run(run.train(own, tmp_path / "run", report=Notes()))
    (tmp_path / "gone.npz").unlink()
    monkeypatch.setenv("STEERGAN_CACHE", str(tmp_path / "empty"))
    assert law(loaded).extractor == "classifier"


def test_rotated_mnist_is_seen_by_the_shipped_network(dense: LoadedRun, recipe: Callable[..., Recipe]) -> None:
    small = ("generator.widths=[8, 4, 4]", "generator.upsamplings=2", "evaluation.features=auto")
    settings = recipe("data.name=rotmnist", *small)
    generator = build_generator(settings, (1, 28, 28), 10).eval()
    found = sample_law(dense._replace(recipe=settings, generator=generator), samples=40, permutations=199)
    assert found.extractor == shipped_weights().stem


@pytest.mark.parametrize("features", ["inception", "auto", "gone.safetensors"])
def test_extractors_without_a_group_or_file_give_way_to_the_runs_classifier(
    dense: LoadedRun, tiny_recipe: Path, tmp_path: Path, features: str
) -> None:
    copyfile(tiny_recipe.parent / "features.safetensors", tmp_path / "classifier.safetensors")
    found = choose_features(with_features(dense, features)._replace(folder=RunFolder(tmp_path)))
    assert found.name == "classifier"
    assert found.compute(torch.zeros(3, 1, 8, 8, dtype=torch.uint8)).shape == (3, 16)


def test_pixels_serve_where_there_is_nothing_else(dense: LoadedRun, tmp_path: Path) -> None:
    bare = with_features(dense, "inception")._replace(folder=RunFolder(tmp_path))
    found = law(bare)
    assert (found.extractor, found.extractor_sha256) == ("pixels", "")
    assert len(found.significant) == 3


def test_large_images_are_averaged_to_sixteen_pixels(
    dense: LoadedRun, recipe: Callable[..., Recipe], tmp_path: Path
) -> None:
    settings = recipe("generator.widths=[8, 4]", "generator.upsamplings=2", "evaluation.features=classifier")
    generator = build_generator(settings, (3, 32, 32), 2)
    features = choose_features(dense._replace(recipe=settings, generator=generator, folder=RunFolder(tmp_path)))
    assert features.name == "pixels, averaged to 16 x 16"
    images = torch.arange(2 * 3 * 32 * 32).remainder(251).to(torch.uint8).view(2, 3, 32, 32)
    blocks = images.double().view(2, 3, 16, 2, 16, 2).mean(dim=(3, 5)).flatten(1) / 127.5 - 1
    assert features.compute(images) == pytest.approx(blocks.numpy(), abs=1e-6)


def test_features_that_are_not_finite_are_refused(dense: LoadedRun, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = SampleFeatures("broken", "", lambda images: np.full((len(images), 2), np.nan))
    monkeypatch.setattr(sys.modules[sample_law.__module__], "choose_features", lambda run: broken)
    with pytest.raises(DataError, match="NaN or infinity"):
        law(dense)


@pytest.mark.parametrize("samples", [0, 3])
def test_too_few_samples_are_refused(dense: LoadedRun, samples: int) -> None:
    with pytest.raises(DataError, match="at least 4"):
        sample_law(dense, samples=samples)


def test_too_few_permutations_are_refused(dense: LoadedRun) -> None:
    with pytest.raises(DataError, match="at least 199"):
        sample_law(dense, samples=4, permutations=100)


def test_holms_correction_is_that_of_its_definition() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([0.2]) == [0.2]


def test_only_adjusted_p_values_count_as_significant(dense: LoadedRun) -> None:
    found = law(dense)
    weak = tuple(replace(element, p_value=0.04, adjusted_p_value=0.12) for element in found.elements)
    assert replace(found, elements=weak).significant == ()
