"""A table that is checked against the sections, or one line about its first fault."""

import difflib
from collections.abc import Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from steergan.errors import RecipeError, shown
from steergan.recipe.data import SOURCES
from steergan.recipe.sections import AnyRecipe, Recipe, TranslationRecipe
from steergan.section import first_fault, wanted

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
        fault = first_fault(error)
    except RecursionError:
        raise RecipeError(f"{source}: nested too deeply; sections of keys are wanted") from None
    outermost, *inner = map(str, fault["loc"])
    teller = told_apart_by(outermost, kind)
    which = inner.pop(0) if teller and inner else ""
    key = ".".join([outermost, *inner])
    if fault["type"] == "union_tag_invalid":
        *names, last = map(repr, tags(outermost, kind))
        came = shown(fault["input"][teller])
        raise RecipeError(f"{source}: {outermost}.{teller} = {came}; wanted: {', '.join(names)} or {last}")
    if fault["type"] == "union_tag_not_found":
        raise RecipeError(f"{source}: key {outermost}.{teller} is missing; it has no default")
    if fault["type"] == "extra_forbidden" and key in recipe_keys(kind):
        raise RecipeError(f"{source}: {key} is no key where {outermost}.{teller} = {which!r}; leave it out")
    if fault["type"] == "extra_forbidden":
        raise RecipeError(f"{source}: unknown key {key}{nearest(key, kind)}")
    if fault["type"] == "missing":
        raise RecipeError(f"{source}: key {key} is missing; it has no default")
    raise RecipeError(f"{source}: {key} = {shown(fault['input'])}; wanted: {wanted(fault)}")


def recipe_keys(kind: type[AnyRecipe] = Recipe) -> list[str]:
    """Every key that a kind of recipe may set, dotted."""
    keys: dict[str, None] = {}
    for name, field in kind.model_fields.items():
        models = sections_of(field.annotation)
        keys |= dict.fromkeys(f"{name}.{key}" for model in models for key in model.model_fields) or {name: None}
    return list(keys)


def sections_of(annotation: Any) -> list[type[BaseModel]]:
    """The sections that a key of the recipe may be, if it is one."""
    found = get_args(annotation) or (annotation,)
    return [one for one in found if isinstance(one, type) and issubclass(one, BaseModel)]


def told_apart_by(section: str, kind: type[AnyRecipe]) -> str:
    """The key by which pydantic tells the classes of a section apart; empty where there is one class, or none."""
    field = kind.model_fields.get(section)
    several = field is not None and len(sections_of(field.annotation)) > 1
    return {"data": "name"}.get(section, "architecture") if several else ""


def tags(section: str, kind: type[AnyRecipe]) -> list[str]:
    """All values of that key."""
    models = sections_of(kind.model_fields[section].annotation)
    return [tag for model in models for tag in get_args(model.model_fields[told_apart_by(section, kind)].annotation)]


def known_keys() -> set[str]:
    """Every key that a recipe of either kind may set, dotted.

    Examples:
        >>> {"generator.latent", "generator.dropout"} <= known_keys()
        True
    """
    return {*recipe_keys(), *recipe_keys(TranslationRecipe)}


def nearest(key: str, kind: type[AnyRecipe] = Recipe) -> str:
    """A hint at the valid key or section of a kind of recipe that was probably meant."""
    keys = recipe_keys(kind)
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
