"""What a recipe's latent means, and what its augmentation cannot do: said before training, which goes on."""

from steergan.recipe import Recipe, TranslationRecipe
from steergan.symmetry import contains

FAR = 0.5
"""A probability that adaptive augmentation should be able to reach."""
MOVED_BY = {"flip": "D1", "quarter-turns": "C4", "rotation": "SO2"}
"""The groups that contain what transforms do."""


def reachable(recipe: Recipe) -> float:
    """The largest probability that adaptive augmentation can have at the end: it moves so far with every real image."""
    training = recipe.training
    seen = training.steps * training.discriminator_updates * training.batch_size
    return min(1.0, seen / recipe.augmentation.adaptive_images)


def is_blind(recipe: Recipe, group: str) -> bool:
    """Whether the discriminator's score is invariant under a group: nothing behind its group pooling sees the pose."""
    judge = recipe.discriminator
    exact = judge.pooling == "exact" and judge.group_pool == "end" and judge.plain_width == 0
    return exact and contains(judge.groups[-1], group)


def latent_line(recipe: Recipe) -> str:
    """What the recipe's latent is, which `auto` may have chosen, and what it means under the generator's group."""
    group, latent = recipe.generator.group, recipe.generator.latent
    meaning = {
        "dense": "the law of the images need not be invariant",
        "symmetrized": f"a random element of {group} turns each seed map",
        "steerable": f"{group} acts on it, and the picture turns with it",
    }[latent]
    return f"latent: {latent}, {meaning}"


def augmentation_notice(recipe: Recipe) -> str | None:
    """One line on the parts of [augmentation] that do nothing or little here; None if there are none."""
    settings, group, parts = recipe.augmentation, recipe.augmentation.group, []
    judge = f"the {' to '.join(dict.fromkeys(recipe.discriminator.groups))} discriminator"
    if is_blind(recipe, group):
        if settings.standard:
            parts.append(f"standard: {judge} scores an image and its {group} transforms alike")
        if settings.consistency_real or settings.consistency_fake:
            parts.append(f"consistency: {judge} is invariant under {group}, so the penalty is zero to rounding")
    if settings.rotation_discriminator and is_blind(recipe, "C4"):
        parts.append(f"rotations: {judge} sees them in front of its group pooling only, its score does not")
    latent = recipe.generator.latent
    if settings.rotation_generator and latent != "dense" and contains(recipe.generator.group, "C2"):
        parts.append(f'rotation_generator: latent = "{latent}" turns every sample at random, so none looks upright')
    reach = reachable(recipe)
    if settings.adaptive_target:
        parts += [
            f"transforms: {judge} scores an image and its {kind} alike"
            for kind, moved_by in MOVED_BY.items()
            if kind in settings.transforms and is_blind(recipe, moved_by)
        ]
    if settings.adaptive_target and reach < FAR:
        parts.append(
            f"adaptive: in so short a run its probability can reach {reach:.2g} at most; lower "
            f"augmentation.adaptive_images = {settings.adaptive_images:,}"
        )
    if not parts:
        return None
    advice = "" if settings.adaptive_target else "; adaptive_target = 0.6 adds transforms that no group contains"
    return f"augmentation does nothing or little here ({'; '.join(parts)}){advice}"


def moves_notice(recipe: TranslationRecipe) -> str | None:
    """One line on moved pairs that change nothing; None if there are none, or they do."""
    moves, players = recipe.data.moves, (recipe.generator.group, recipe.discriminator.group)
    if moves == "trivial" or not all(contains(group, moves) for group in players):
        return None
    groups = " and ".join(dict.fromkeys(players))
    return (
        f'data.moves = "{moves}" does nothing here: translator and discriminator are equivariant under {groups}, so a '
        "pair and the moved pair have one loss and one gradient"
    )
