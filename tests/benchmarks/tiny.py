"""A recipe whose networks take steps in no time."""

from steergan.recipe import Recipe


def recipe(batch_size: int = 4, r1_weight: float = 0.1, discriminator_updates: int = 1) -> Recipe:
    """Of plain networks under C4, for digits."""
    return Recipe.model_validate(
        {
            "name": "tiny",
            "data": {"name": "digits"},
            "generator": {"group": "C4", "z_dim": 5, "embedding_dim": 4, "seed_width": 4, "widths": [8, 6, 6]},
            "discriminator": {"group": "C4", "widths": [6, 6]},
            "loss": {"name": "hinge", "r1_weight": r1_weight},
            "training": {"batch_size": batch_size, "discriminator_updates": discriminator_updates},
        }
    )
