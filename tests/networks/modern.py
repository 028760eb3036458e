"""Small modern networks with weights that are always the same."""

import torch

from steergan.networks import (
    ModernDiscriminator,
    ModernDiscriminatorSpec,
    ModernGenerator,
    ModernGeneratorSpec,
)
from steergan.recipe import Recipe

SIDE = 8


def generator(
    group: str, shape: tuple[int, int, int] = (1, SIDE, SIDE), disk: bool = False, **settings: object
) -> ModernGenerator:
    """In float64 and evaluation mode, strengths of noise no longer 0."""
    torch.manual_seed(0)
    small = {"z_dim": 30, "embedding_dim": 4, "seed_width": 12, "widths": (12, 8)}
    made = ModernGenerator(ModernGeneratorSpec.model_validate(small | settings | {"group": group}), shape, 3, disk=disk)
    for name, parameter in made.named_parameters():
        if name.endswith("strength"):
            torch.nn.init.normal_(parameter)
    return made.double().eval()


def discriminator(
    group: str | tuple[str, ...], shape: tuple[int, int, int] = (1, SIDE, SIDE), **settings: object
) -> ModernDiscriminator:
    """In float64 and evaluation mode."""
    torch.manual_seed(0)
    small = {"widths": (8, 12)}
    spec = ModernDiscriminatorSpec.model_validate(small | settings | {"group": group})
    return ModernDiscriminator(spec, shape, 3).double().eval()


def modern_recipe(recipe: Recipe, group: str = "D4", **generator: object) -> Recipe:
    """A recipe with a modern pair in place of its networks, which pair real and generated images."""
    wide = {"architecture": "modern", "group": group, "widths": [8, 8]}
    table = recipe.model_dump(mode="json")
    table["generator"] = wide | {"z_dim": 8, "embedding_dim": 2, "seed_width": 4} | generator
    table["discriminator"] = wide
    table["loss"] |= {"name": "relativistic-pairing", "r1_weight": 1.0, "r2_weight": 1.0}
    return Recipe.model_validate(table)
