"""What augmentation cannot do with a recipe's networks."""

from collections.abc import Callable

import pytest

from steergan.recipe import Recipe
from steergan.run.blindness import augmentation_notice, is_blind

MakeRecipe = Callable[..., Recipe]

BCR = ("augmentation.consistency_real=0.1", "augmentation.consistency_fake=0.05")
STANDARD = "augmentation.standard=true"
ROTATIONS = ("augmentation.rotation_discriminator=1.0", "augmentation.rotation_generator=0.2")
ADAPTIVE = ("augmentation.adaptive_target=0.01", "augmentation.adaptive_images=60")
PLAIN = "discriminator.group=trivial"


@pytest.mark.parametrize(
    ("overrides", "blind"),
    [
        (("discriminator.group=C4", "augmentation.group=C4"), True),
        (("discriminator.group=D4", "augmentation.group=C4"), True),
        (("discriminator.group=C4", "augmentation.group=D4"), False),
        (("discriminator.group=C8", "augmentation.group=C2"), True),
        ((PLAIN, "augmentation.group=C2"), False),
        (("discriminator.group=C4", "discriminator.group_pool=before-last-block"), False),
        (("discriminator.group=C4", "discriminator.plain_width=4"), False),
        (("discriminator.group=C4", "discriminator.pooling=paper"), False),
    ],
)
def test_a_discriminator_is_blind_for_its_own_group_if_nothing_behind_its_pooling_sees_the_pose(
    recipe: MakeRecipe, overrides: tuple[str, ...], blind: bool
) -> None:
    settings = recipe(*overrides)
    assert is_blind(settings, settings.augmentation.group) == blind


def test_what_is_in_vain_is_named_with_a_remedy(recipe: MakeRecipe) -> None:
    in_vain = augmentation_notice(recipe(STANDARD, *BCR, *ROTATIONS))
    assert in_vain is not None
    assert "\n" not in in_vain
    assert all(
        word in in_vain for word in ("standard: the C4", "penalty is zero", "rotations:", "adaptive_target = 0.6")
    )
    assert "rotation_generator: latent" in in_vain


@pytest.mark.parametrize(
    "overrides",
    [(), (ADAPTIVE[0], "augmentation.adaptive_images=40"), (PLAIN, STANDARD, *BCR), (STANDARD, "augmentation.group=D4"),
     (PLAIN, *ROTATIONS, "generator.latent=dense"), (PLAIN, *ROTATIONS, "generator.group=D1")],
)  # fmt: skip
def test_what_works_is_not_mentioned(recipe: MakeRecipe, overrides: tuple[str, ...]) -> None:
    assert augmentation_notice(recipe(*overrides)) is None


def test_a_run_too_short_for_its_adaptive_augmentation_is_told_how_far_it_gets(recipe: MakeRecipe) -> None:
    """6 steps of 4 images."""
    notice = augmentation_notice(recipe("augmentation.adaptive_target=0.6", "augmentation.adaptive_images=240"))
    assert notice is not None
    assert "can reach 0.1 at most; lower augmentation.adaptive_images = 240" in notice


@pytest.mark.parametrize(
    ("group", "named"),
    [("trivial", ()), ("C4", ("quarter-turns",)), ("D1", ("flip",)), ("D4", ("flip", "quarter-turns")),
     ("SO2", ("quarter-turns", "rotation"))],
)  # fmt: skip
def test_transforms_that_the_discriminators_group_contains_are_named(
    recipe: MakeRecipe, group: str, named: tuple[str, ...]
) -> None:
    kinds = 'augmentation.transforms=["noise", "rotation", "flip", "quarter-turns"]'
    settings = (f"discriminator.group={group}", "generator.group=trivial", kinds)
    notice = augmentation_notice(recipe(*settings, ADAPTIVE[0], "augmentation.adaptive_images=40")) or ""
    found = tuple(kind for kind in ("flip", "quarter-turns", "rotation") if f"its {kind} alike" in notice)
    assert found == named
    assert augmentation_notice(recipe(*settings)) is None
    assert not named or f"transforms: the {group} discriminator scores an image" in notice


def test_a_restricted_discriminator_is_blind_for_its_last_group_alone(recipe: MakeRecipe) -> None:
    settings = ('discriminator.group=["D4", "C2"]', "augmentation.standard=true")
    assert is_blind(recipe(*settings), "C2")
    assert not is_blind(recipe(*settings), "C4")
    notice = augmentation_notice(recipe(*settings, "augmentation.group=C2"))
    assert notice is not None
    assert "the D4 to C2 discriminator" in notice
    assert augmentation_notice(recipe(*settings, "augmentation.group=C4")) is None


def test_every_latent_but_a_dense_one_is_noticed_to_have_no_upright(recipe: MakeRecipe) -> None:
    steerable = ("generator.latent=steerable", "generator.z_dim=16")
    found = augmentation_notice(recipe(*steerable, "augmentation.rotation_generator=0.2"))
    assert found is not None
    assert 'latent = "steerable" turns every sample' in found
