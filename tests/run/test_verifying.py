"""Certificates of recipes and runs: the networks, and the law of the generator's samples."""

from collections.abc import Callable
from pathlib import Path
from shutil import copyfile

import pytest

from steergan import run
from steergan.errors import RecipeError
from steergan.metrics import shipped_weights
from steergan.recipe import Recipe
from steergan.run.build import build_generator
from steergan.run.subjects import FROM_SEED_MAP
from steergan.run.verifying import law_of_samples
from tests.notes import Notes
from tests.thorough import also

pytestmark = pytest.mark.usefixtures("blank_curves")

STEERABLE = ("generator.latent=steerable", "generator.z_dim=16")


def test_a_steerable_generator_is_certified_from_its_latent_on(recipe: Callable[..., Recipe]) -> None:
    *_, found = run.verify_recipe(recipe(*STEERABLE, "generator.group=D4", "discriminator.group=D4"), quick=True)
    assert (found.name, found.claim, found.group, found.verdict) == ("generator", "equivariant", "D4", "proved")
    assert FROM_SEED_MAP not in found.sentence
    (law,) = [record for record in found.records if record.level == 5]
    assert (law.finding.kind, law.finding.verdict) == ("exact", "holds")
    assert "D4 acts on z" in law.finding.argument


@pytest.mark.parametrize("group", ["C8", "O2", *also("SO2")])
def test_off_the_grid_the_law_of_the_samples_holds_up_to_bounds(recipe: Callable[..., Recipe], group: str) -> None:
    *_, found = run.verify_recipe(recipe(*STEERABLE, f"generator.group={group}", "generator.frequency=1"), quick=True)
    assert (found.name, found.verdict) == ("generator", "proved")
    (law,) = [record for record in found.records if record.level == 5]
    assert (law.finding.kind, law.finding.verdict) == ("bounded", "holds")


def test_a_group_without_quarter_turns_claims_nothing(recipe: Callable[..., Recipe], tmp_path: Path) -> None:
    folder = run.train(recipe(*STEERABLE, "generator.group=C3", "training.steps=1"), tmp_path / "run", report=Notes())
    *_, found = run.verify_run(folder)
    assert found.verdict == "no claim"
    assert not [record for record in found.records if record.level == 5]
    law = law_of_samples(run.load_run(folder), samples=80, permutations=199)
    assert (law.kind, law.holds) == (None, None)
    assert "No element of C3 but the identity permutes pixels" in law.argument


def test_a_dense_generator_is_certified_from_its_seed_map_on(recipe: Callable[..., Recipe]) -> None:
    *_, found = run.verify_recipe(recipe("generator.latent=dense"), quick=True)
    assert found.name == "synthesis"
    assert FROM_SEED_MAP in found.sentence


def test_what_a_function_returns_is_verified_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_models.py").write_text(
        "from steergan.layers import Upsample\n"
        "from steergan.symmetry import gspace, trivial_type\n"
        "from steergan.verification import Subject\n"
        "image = trivial_type(gspace('C4'), 1)\n"
        "def both():\n"
        "    layer = Upsample(image)\n"
        "    return layer, Subject('mine', layer, image, 'equivariant', None, ((3, 3),))\n"
        "def neither():\n"
        "    return 3\n"
        "module = Upsample(image)\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    found = run.verify_function("own_models:both", level=2, quick=True, sizes=(4, 5))
    assert [(c.name, c.sizes, c.verdict) for c in found] == [
        ("Upsample", ((4, 4),), "proved"),
        ("mine", ((3, 3),), "proved"),
    ]
    (module,) = run.verify_function("own_models:module", level=1, sizes=(4,))
    assert module.verdict == "not proved"
    (module,) = run.verify_function("own_models:module", level=1, quick=True)
    assert len(module.sizes) == 1
    with pytest.raises(RecipeError, match="returned 3; an escnn module or a Subject was wanted"):
        run.verify_function("own_models:neither")
    with pytest.raises(RecipeError, match="has no function 'absent'"):
        run.verify_function("own_models:absent")


def test_samples_are_compared_in_the_features_of_the_run(tiny_run: Path) -> None:
    found = law_of_samples(run.load_run(tiny_run), samples=80, permutations=199)
    assert (found.kind, found.latent) == ("exact", "symmetrized")
    assert found.measured is not None
    assert (found.measured.features, len(found.measured.features_sha256)) == ("features", 64)
    assert (found.measured.count, found.measured.permutations) == (40, 199)


@pytest.mark.usefixtures("short_classifier")
def test_the_law_is_known_when_the_data_is_gone(
    tiny_recipe: Path, recipe: Callable[..., Recipe], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copyfile(tiny_recipe.parent / "tiny.npz", tmp_path / "gone.npz")
    settings = ("evaluation.features=classifier", "data.held_out=0.5", "training.steps=1")
    own = recipe(f"data.path={tmp_path}/gone.npz", *settings)
    loaded = run.load_run(run.train(own, tmp_path / "run", report=Notes()))
    (tmp_path / "gone.npz").unlink()
    monkeypatch.setenv("STEERGAN_CACHE", str(tmp_path / "empty"))
    found = law_of_samples(loaded, samples=80, permutations=199)
    assert found.measured is not None
    assert found.measured.features == "classifier"


def test_rotated_mnist_is_seen_by_the_shipped_network(tiny_run: Path, recipe: Callable[..., Recipe]) -> None:
    small = ("generator.widths=[8, 4, 4]", "generator.upsamplings=2", "evaluation.features=auto")
    settings = recipe("data.name=rotmnist", *small)
    generator = build_generator(settings, (1, 28, 28), 10).eval()
    loaded = run.load_run(tiny_run)._replace(recipe=settings, generator=generator)
    found = law_of_samples(loaded, samples=40, permutations=199)
    assert found.measured is not None
    assert found.measured.features == shipped_weights().stem


def test_the_networks_of_an_augmented_run_are_proved_as_symmetric_as_those_of_a_plain_one(
    recipe: Callable[..., Recipe], tmp_path: Path
) -> None:
    settings = recipe(
        "augmentation.standard=true", "augmentation.rotation_discriminator=1.0", "augmentation.rotation_generator=0.2",
        "augmentation.adaptive_target=0.01", "augmentation.adaptive_images=60", "training.steps=3",
    )  # fmt: skip
    out = run.train(settings, tmp_path / "run", report=Notes())
    plain = run.verify_recipe(recipe(), level=4, quick=True)
    for found in (run.verify_recipe(settings, level=4, quick=True), run.verify_run(out, level=4, quick=True)):
        assert [(c.name, c.group, c.verdict) for c in found] == [(c.name, c.group, c.verdict) for c in plain]
    assert [c.verdict for c in plain] == ["proved", "proved"]
