"""Recipes as TOML files: reading one, resolving `extends`, writing it back."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tomli_w

from steergan.errors import RecipeError, reason, shown
from steergan.recipe.bundled import located, source_name
from steergan.recipe.messages import drawing, validate_any
from steergan.recipe.overrides import override_table
from steergan.recipe.sections import AnyRecipe, Recipe, TranslationRecipe
from steergan.recipe.sources import Source
from steergan.recipe.toml import parsed, read_bytes

MOST_LEVELS = 20
"""Of recipes, each of which extends the next."""


def read_recipe(path: str | os.PathLike[str], overrides: Sequence[str] = ()) -> Recipe:
    """The recipe in a TOML file, with `extends` resolved and `KEY=VALUE` overrides applied: one that draws images.

    Args:
        path: a TOML file, or `steergan:NAME` for one that comes with steergan. `extends = "other.toml"` in it names a
            recipe whose keys it inherits: relative to the file, or as `steergan:NAME`.
        overrides: `section.key=value` each; the value is TOML (`[64, 32]`, `0.1`, `true`) or else a plain string.

    Raises:
        RecipeError: no such file, not TOML, an unknown key, a wrong type or value, a circle of `extends`; a recipe that
            translates images, which `read_any_recipe` reads.
    """
    return drawing(read_any_recipe(path, overrides), str(path))


def read_any_recipe(path: str | os.PathLike[str], overrides: Sequence[str] = ()) -> Recipe | TranslationRecipe:
    """The recipe in a TOML file, of either kind; otherwise as `read_recipe`.

    Args:
        path: as of `read_recipe`.
        overrides: likewise.

    Raises:
        RecipeError: no such file, not TOML, an unknown key, a wrong type or value, a circle of `extends`.
    """
    sources = read_sources(path)
    table = dict(sources[0].table)
    for override in overrides:
        table = merge(table, override_table(override))
    return validate_any(table, str(path)).read_from(sources)


def write_recipe(recipe: AnyRecipe) -> str:
    """The recipe as TOML with every key spelled out; `read_recipe` of it gives the same recipe."""
    return tomli_w.dumps(recipe.model_dump(mode="json"))


def read_table(path: str | os.PathLike[str]) -> dict[str, Any]:
    """A TOML file as a table, over the tables that it extends.

    Args:
        path: the file, or `steergan:NAME`.

    Raises:
        RecipeError: see `read_sources`.
    """
    return dict(read_sources(path)[0].table)


def read_sources(path: str | os.PathLike[str], below: tuple[Path, ...] = ()) -> list[Source]:
    """A TOML file, and the files that it extends, nearest first.

    Args:
        path: the file, or `steergan:NAME`.
        below: the files by whose `extends` it was reached.

    Raises:
        RecipeError: a file that can't be read or is no TOML; a circle of `extends`.
    """
    path = located(path)
    try:
        if below and os.path.realpath(path) in map(os.path.realpath, below):
            through = " -> ".join(p.name for p in below)
            raise RecipeError(f"{path}: extends itself through {through}; remove one `extends`")
        content = read_bytes(path, pipe=not below)
    except FileNotFoundError:
        raise RecipeError(f"{path}: no such recipe; recipes are TOML files, such as steergan:quickstart") from None
    except (OSError, ValueError) as error:
        raise RecipeError(f"{path}: cannot be read ({reason(error)}); a recipe is a TOML file") from None
    try:
        table = parsed(content)
    except ValueError as error:
        raise RecipeError(f"{path}: not TOML: {reason(error)}") from None
    named_from_here(table, path.parent)
    base = table.pop("extends", None)
    name, sha256 = source_name(path), hashlib.sha256(content).hexdigest()
    if base is None:
        return [Source(name, sha256, table)]
    if not isinstance(base, str):
        raise RecipeError(f'{path}: extends = {shown(base)}; a path in quotes was wanted, or "steergan:rotmnist"')
    if len(below) >= MOST_LEVELS:
        raise RecipeError(f"{path}: the {MOST_LEVELS}th recipe that one extends; write what it needs into fewer")
    extended = read_sources(located(base, path.parent), (*below, path))
    return [Source(name, sha256, merge(extended[0].table, table)), *extended]


def named_from_here(table: dict[str, Any], folder: Path) -> None:
    """Let `data.path` be a path from the recipe's folder, where there is such a file and none in the working folder."""
    data = table.get("data")
    path = data.get("path") if isinstance(data, dict) else None
    if isinstance(data, dict) and isinstance(path, str) and path and not os.path.lexists(path):
        beside = folder / path
        if not os.path.isabs(path) and os.path.lexists(beside):
            data["path"] = str(beside)


def merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """`above` over `below`, table by table.

    Examples:
        >>> merge({"training": {"steps": 10, "seed": 0}}, {"training": {"seed": 4}})
        {'training': {'steps': 10, 'seed': 4}}
    """
    merged = dict(below)
    for key, value in above.items():
        nested = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = merge(merged[key], value) if nested else value
    return merged


def flat(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """A nested table with dotted keys.

    Examples:
        >>> flat({"name": "mine", "training": {"steps": 10}})
        {'name': 'mine', 'training.steps': 10}
    """
    result: dict[str, Any] = {}
    for key, value in table.items():
        result |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return result
