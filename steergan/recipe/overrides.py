"""`--set section.key=value`: what a command line changes in a recipe."""

from typing import Any

from steergan.errors import RecipeError, shown
from steergan.recipe.messages import known_keys, nearest, sections_of
from steergan.recipe.sections import Recipe, TranslationRecipe
from steergan.recipe.toml import parsed


def override_table(override: str) -> dict[str, Any]:
    """`section.key=value` as a nested table.

    Raises:
        RecipeError: no `=`, or an unknown key.
    """
    key, separator, text = override.partition("=")
    key = key.strip()
    if not separator or not key:
        raise RecipeError(f"--set {shown(override)}: KEY=VALUE was wanted, such as training.steps=500")
    if key not in known_keys():
        raise RecipeError(f"--set {shown(override)}: unknown key {key}{nearest(key)}")
    try:
        value = parsed(f"value = {text}".encode(errors="surrogateescape"))["value"]
    except ValueError:
        value = text.strip()
    if not isinstance(value, str) and is_text(key):
        value = text.strip()  # a folder may be called 2024
    for part in reversed(key.split(".")):
        value = {part: value}
    return dict(value)


def is_text(key: str) -> bool:
    """Whether a key's value is any string: a name or a path, not a group."""
    section, _, name = key.rpartition(".")
    kinds = (Recipe, TranslationRecipe)
    models = [sections_of(kind.model_fields[section].annotation) if section else [kind] for kind in kinds]
    found = [model.model_fields[name].annotation for of in models for model in of if name in model.model_fields]
    return str in found and name not in ("group", "architecture")
