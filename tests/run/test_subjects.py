"""What is claimed of a recipe's networks: of which part, at which sizes, and what has to be said with it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from steergan.recipe import Recipe
from steergan.run.build import build_discriminator, build_generator
from steergan.run.subjects import FROM_SEED_MAP, GIVES_UP, POSED, SEES_POSE, network_subjects
from steergan.verification import Subject, verify, verify_subject
from tests.networks.modern import modern_recipe
from tests.thorough import also

SHAPE = (1, 8, 8)
STEERABLE = ("generator.latent=steerable", "generator.z_dim=16")
POSED_RECIPE = ("discriminator.group_pool=before-last-block",)


def subjects(recipe: Recipe, quick: bool = True) -> list[tuple[Subject, str]]:
    return list(
        network_subjects(recipe, build_generator(recipe, SHAPE, 2), build_discriminator(recipe, SHAPE, 2), quick)
    )


def test_a_steerable_generator_is_claimed_from_its_latent_on_and_others_from_their_seed_map(
    recipe: Callable[..., Recipe],
) -> None:
    _, (generator, note) = subjects(recipe(*STEERABLE))
    assert (generator.name, generator.sizes, note) == ("generator", ((1, 1),), "")
    for latent in ("dense", "symmetrized"):
        _, (synthesis, note) = subjects(recipe(f"generator.latent={latent}"), quick=False)
        assert (synthesis.name, synthesis.sizes, note) == ("synthesis", ((4, 4), (5, 5)), FROM_SEED_MAP)
        assert synthesis.scale > 0


@pytest.mark.parametrize(
    ("groups", "wanted"),
    [
        ('["SO2", "C4"]', [("discriminator up to its restriction to C4", "SO2 at"), ("discriminator", "C4")]),
        ('["D4", "trivial"]', [("discriminator up to its restriction to trivial", "D4")]),
        ('["C4", "C4"]', [("discriminator", "C4")]),
    ],
)
def test_a_restricted_discriminator_is_certified_part_by_part(
    recipe: Callable[..., Recipe], groups: str, wanted: list[tuple[str, str]]
) -> None:
    *found, (synthesis, _) = subjects(recipe(f"discriminator.group={groups}"))
    assert synthesis.name == "synthesis"
    assert [subject.name for subject, _ in found] == [name for name, _ in wanted]
    for (subject, note), (name, group) in zip(found, wanted, strict=True):
        certificate = verify_subject(subject, level=4, modes=("evaluation",))
        assert certificate.verdict == "proved", certificate.sentence
        assert certificate.group.startswith(group)
        assert (note == GIVES_UP) == ("restriction" in name)


def test_a_discriminator_that_sees_the_pose_is_claimed_up_to_its_group_pooling(recipe: Callable[..., Recipe]) -> None:
    (posed, note), _ = subjects(recipe(*POSED_RECIPE), quick=False)
    assert (posed.name, posed.upto, posed.claim, note) == (POSED, "group_pool", "equivariant", SEES_POSE)
    assert len(posed.sizes) == 2  # the plain layers behind take the images' own size alone
    certificate = verify_subject(posed, level=4, modes=("evaluation",))
    assert certificate.verdict == "proved", certificate.sentence


def test_a_user_says_so_of_any_network_by_the_path_of_the_group_pooling(recipe: Callable[..., Recipe]) -> None:
    discriminator = build_discriminator(recipe(*POSED_RECIPE), SHAPE, 2)
    found = verify(
        discriminator,
        8,
        in_type=discriminator.trunk.in_type,
        others=(torch.arange(2),),
        upto="group_pool",
        modes=("evaluation",),
        level=2,
    )
    assert (found.verdict, found.group, len(found.elements)) == ("proved", "C4", 4)


@pytest.mark.parametrize(
    "changes",
    [
        {"noise": True, "conditioning": "style"},
        *also({"latent": "steerable", "group": "C4"}),
        {"attention": [True, False], "group": "C4"},
    ],
)
def test_a_modern_pair_is_proved_and_noise_turns_with_the_seed_map(
    recipe: Callable[..., Recipe], changes: dict[str, Any]
) -> None:
    (judge, _), (drawn, _) = subjects(modern_recipe(recipe(), **changes), quick=False)
    with torch.no_grad():
        for name, parameter in drawn.module.named_parameters():
            if name.endswith(("strength", "gamma")):
                parameter.fill_(0.5)
    assert ("noise" in drawn.name) == ("noise" in changes)
    for subject in (judge, drawn):
        certificate = verify_subject(subject, level=4, modes=("evaluation",))
        assert certificate.verdict == "proved", certificate.sentence
    if "noise" in changes:
        assert verify_subject(replace(drawn, other_types=()), level=4, modes=("evaluation",)).verdict != "proved"
