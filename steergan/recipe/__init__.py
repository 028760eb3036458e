"""What a recipe may say; reading one, resolving `extends`, overriding keys, writing it back."""

from steergan.extras import needed_by

with needed_by("steergan.recipe"):
    from steergan.recipe.bundled import bundled_names, located
    from steergan.recipe.data import DataSettings
    from steergan.recipe.keys import Key, described_keys
    from steergan.recipe.messages import known_keys, nearest, recipe_keys, validate, validate_any
    from steergan.recipe.performance import PerformanceSettings
    from steergan.recipe.reading import (
        flat,
        merge,
        read_any_recipe,
        read_recipe,
        read_sources,
        read_table,
        write_recipe,
    )
    from steergan.recipe.sections import (
        AnyRecipe,
        AugmentationSettings,
        EvaluationSettings,
        LoggingSettings,
        LossSettings,
        Recipe,
        TrainingSettings,
        TranslationRecipe,
    )
    from steergan.recipe.sources import Source

__all__ = [
    "AnyRecipe",
    "AugmentationSettings",
    "DataSettings",
    "EvaluationSettings",
    "Key",
    "LoggingSettings",
    "LossSettings",
    "PerformanceSettings",
    "Recipe",
    "Source",
    "TrainingSettings",
    "TranslationRecipe",
    "bundled_names",
    "described_keys",
    "flat",
    "known_keys",
    "located",
    "merge",
    "nearest",
    "read_any_recipe",
    "read_recipe",
    "read_sources",
    "read_table",
    "recipe_keys",
    "validate",
    "validate_any",
    "write_recipe",
]
