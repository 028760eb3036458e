"""A table that is checked against the sections, or one line about its first fault."""

import difflib
from collections.abc import Iterator, Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from steergan.errors import RecipeError, shown
from steergan.recipe.data import SOURCES
from steergan.recipe.sections import AnyRecipe, Recipe, TranslationRecipe

TRANSLATES = ("unet",)
"""Architectures of generators that translate images."""


def kind_of(table: Mapping[str, Any]) -> type[Recipe] | type[TranslationRecipe]:
    """Which kind of recipe a table is: that of its data, and else of the architecture that it names.

    Examples:
        >>> kind_of({"data": {"name": "digits"}}).__name__
        'Recipe'
        >>> kind_of({"generator": {"architecture": "unet"}}).__name__
        'TranslationRecipe'
    """
    said = {name: table[name] if isinstance(table.get(name), Mapping) else {} for name in ("data", "generator")}
    source, architecture = SOURCES.get(str(said["data"].get("name"))), said["generator"].get("architecture")
    paired = source is not None and source.paired
    return TranslationRecipe if paired or architecture in TRANSLATES else Recipe


def validate(table: Mapping[str, Any], source: str) -> Recipe:
    """The table as a recipe of images that are drawn from latents.

    Args:
        table: sections by name, each a table of keys.
        source: what the table came from, for the message.

    Raises:
        RecipeError: a fault of the table; one line about the first one, with the key, what came and what was wanted. A
            recipe that translates images.
    """
    return drawing(validate_any(table, source), source)


def drawing(recipe: Recipe | TranslationRecipe, source: str) -> Recipe:
    """The recipe, where it draws images from latents.

    Raises:
        RecipeError: it translates images.
    """
    if isinstance(recipe, TranslationRecipe):
        raise RecipeError(
            f"{source}: a recipe that translates images (data.name = {recipe.data.name!r}, generator.architecture = "
            f"{recipe.generator.architecture!r}) came; one that draws images from latents was wanted"
        )
    return recipe


def validate_any(table: Mapping[str, Any], source: str) -> Recipe | TranslationRecipe:
    """The table as a recipe, of the kind that it is.

    Args:
        table: sections by name, each a table of keys.
        source: what the table came from, for the message.

    Raises:
        RecipeError: a fault of the table; one line about the first one, with the key, what came and what was wanted.
    """
    kind = kind_of(table)
    try:
        return kind.model_validate(table)
    except ValidationError as error:
        fault = error.errors()[0]
    except RecursionError:
        raise RecipeError(f"{source}: nested too deeply; sections of keys are wanted") from None
    outermost, *inner = map(str, fault["loc"])
    if outermost == "data":
        inner = inner[1:]  # what follows it is the source's name, by which pydantic tells the classes apart
    key = ".".join([outermost, *inner])
    if fault["type"] == "union_tag_invalid":
        *names, last = map(repr, SOURCES)
        came = shown(fault["input"]["name"])
        raise RecipeError(f"{source}: data.name = {came}; wanted: {', '.join(names)} or {last}")
    if fault["type"] == "union_tag_not_found":
        raise RecipeError(f"{source}: key data.name is missing; it has no default")
    if fault["type"] == "extra_forbidden":
        raise RecipeError(f"{source}: unknown key {key}{nearest(key, kind)}")
    if fault["type"] == "missing":
        raise RecipeError(f"{source}: key {key} is missing; it has no default")
    wanted = fault["msg"].removeprefix("Input should be ").removeprefix("a valid ")
    raise RecipeError(f"{source}: {key} = {shown(fault['input'])}; wanted: {wanted}")


def recipe_keys(model: type[BaseModel] = Recipe, prefix: str = "") -> Iterator[str]:
    """Every key that a recipe may set, dotted."""
    for name, field in model.model_fields.items():
        inner = section_of(field.annotation)
        if inner is not None:
            yield from recipe_keys(inner, f"{prefix}{name}.")
        else:
            yield prefix + name


def section_of(annotation: Any) -> type[BaseModel] | None:
    """The section that a key of the recipe is, if it is one; of several that share their keys, the first."""
    first = next(iter(get_args(annotation)), annotation)
    return first if isinstance(first, type) and issubclass(first, BaseModel) else None


def nearest(key: str, kind: type[AnyRecipe] = Recipe) -> str:
    """A hint at the valid key or section of a kind of recipe that was probably meant."""
    keys = list(recipe_keys(kind))
    outermost = list(dict.fromkeys(k.partition(".")[0] for k in keys))
    section, _, name = key.rpartition(".")
    if section not in outermost:
        section = "".join(difflib.get_close_matches(section, outermost, n=1))
    valid = [k for k in keys if k.startswith(f"{section}.")] if section else outermost
    for known in (valid, keys):
        meant = {k.rpartition(".")[2]: k for k in known}
        if close := difflib.get_close_matches(name, meant, n=1):
            return f"; did you mean {meant[close[0]]}?"
    return f"; valid {'keys' if section else 'keys and sections'}: {', '.join(valid)}"
