"""What a study is: recipes, axes of options, seeds, and the runs that their product makes."""

import itertools
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from steergan.errors import RecipeError
from steergan.recipe import (
    Recipe,
    TranslationRecipe,
    flat,
    known_keys,
    located,
    merge,
    nearest,
    read_sources,
    read_table,
    validate_any,
)
from steergan.section import Section, first_fault, wanted

PROTOCOL = ("data.", "evaluation.", "training.ema_", "training.steps")
"""Beginnings of keys that decide how a run is measured, and when: runs that differ there are not compared."""
LENGTH = ("training.steps", "evaluation.every")
"""What may differ between runs that are compared at equal seconds."""
NOT_PROTOCOL = (
    "data.fraction", "data.turn", "data.angles", "data.moves", "data.load_size", "evaluation.symmetrize",
)  # fmt: skip
"""The held-out images are the same for every share of the training images, and however these are turned or cut; a
symmetrized generator is another generator."""


class Option(Section):
    """One choice on an axis: a recipe, keys that are set, or both."""

    label: Annotated[str, Field(min_length=1)]
    recipe: str = ""
    """Path of a recipe, relative to the file, or `steergan:NAME`, in place of the study's."""
    set: dict[str, Any] | None = None
    """Recipe keys and their values, as `"section.key" = value` or `section.key = value`."""

    @property
    def keys(self) -> dict[str, Any]:
        """What it sets, with dotted keys."""
        return flat(self.set or {})


class Axis(Section):
    """Something that is varied."""

    name: Annotated[str, Field(min_length=1)]
    draw: Literal["auto", "lines", "rows", "columns"] = "auto"
    """How pictures tell its options apart: lines in every panel, rows or columns of panels. `auto`: columns for the
    last of several axes, else lines."""
    options: Annotated[tuple[Option, ...], Field(min_length=1, strict=False)]


class StudyFile(Section):
    """What the TOML file of a study may say."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    title: str = ""
    """Of its page in the results; empty: the name."""
    claim: str = ""
    """What it examines, and who claims it."""
    note: str = ""
    """What a reader of the figures has to know, and no table says."""
    recipe: str = ""
    """Path of the recipe, relative to the file; needed unless all options of an axis name one."""
    equal: Literal["steps", "seconds"] = "steps"
    """What runs have in common. `seconds`: each may have `training.steps` and `evaluation.every` of its own, chosen so
    that it takes as long as the others, as long as all are evaluated equally often; the tables show what it took."""
    seeds: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1, strict=False)] = (0, 1, 2)
    """Training seeds; every cell is run with each."""
    axis: Annotated[tuple[Axis, ...], Field(strict=False)] = ()
    """The cells are the product of the axes."""


PARTS: tuple[tuple[str, type[Section]], ...] = (("a study", StudyFile), ("an axis", Axis), ("an option", Option))
"""From outside in."""


@dataclass(frozen=True)
class Run:
    """One cell with one seed."""

    labels: tuple[str, ...]
    """The option on every axis."""
    seed: int
    recipe: Recipe | TranslationRecipe
    folder: str
    """Name of its run folder."""


@dataclass(frozen=True)
class Study:
    """A grid of runs."""

    file: StudyFile
    runs: tuple[Run, ...]

    @property
    def name(self) -> str:
        """Of the study's file."""
        return self.file.name

    @property
    def cells(self) -> list[tuple[str, ...]]:
        """The labels of every cell, in order."""
        return list(dict.fromkeys(run.labels for run in self.runs))

    def of_cell(self, labels: tuple[str, ...]) -> list[Run]:
        """A cell's runs, one a seed."""
        return [run for run in self.runs if run.labels == labels]


def read_study(path: str | os.PathLike[str]) -> Study:
    """The study in a TOML file, with every recipe resolved and checked.

    Args:
        path: the file, or `steergan:studies/NAME` for one that comes with steergan.

    Raises:
        RecipeError: no such file, not TOML, an unknown key, a wrong type or value; no recipe for a cell, or two; an
            option that says nothing, or sets a seed or a key of another axis; recipes that are measured differently;
            two cells, axes or options whose names can't be told apart; anything that is wrong with a recipe.
    """
    path = located(path)
    if not path.is_file():
        raise RecipeError(f"{path}: no such study; studies are TOML files, such as steergan:studies/rotmnist-small")
    file = validate_study(read_table(path), str(path))
    check_axes(file, str(path))
    runs = tuple(product(file, path))
    check_measured_alike(runs, str(path), LENGTH if file.equal == "seconds" else ())
    folders = [run.folder for run in runs]
    twice = next((folder for folder in folders if folders.count(folder) > 1), None)
    if twice is not None:
        raise RecipeError(f"{path}: two runs would share the folder {twice}; use other labels, or seeds that differ")
    return Study(file, runs)


def validate_study(table: Mapping[str, Any], source: str) -> StudyFile:
    """The table as a study, or one line about its first fault."""
    try:
        return StudyFile.model_validate(table)
    except ValidationError as error:
        fault = first_fault(error)
    key = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        hint = "; this is a recipe: steergan train runs it" if key in Recipe.model_fields else ""
        what, model = PARTS[len(fault["loc"]) // 2]
        raise RecipeError(f"{source}: unknown key {key}; {what} has {', '.join(model.model_fields)}{hint}")
    if fault["type"] == "missing":
        raise RecipeError(f"{source}: key {key} is missing; it has no default")
    raise RecipeError(f"{source}: {key} = {fault['input']!r}; wanted: {wanted(fault)}")


def check_axes(file: StudyFile, source: str) -> None:
    """Refuse axes that say what they should not."""
    names = [axis.name for axis in file.axis]
    if len(set(names)) != len(names):
        raise RecipeError(f"{source}: two axes have the same name; rename one of {names}")
    named = [axis.name for axis in file.axis if any(option.recipe for option in axis.options)]
    if len(named) > 1:
        raise RecipeError(f"{source}: axes {named[0]!r} and {named[1]!r} both name recipes; leave it to one of them")
    valid = known_keys()
    taken: dict[str, str] = {}
    for axis in file.axis:
        keys = dict.fromkeys(key for option in axis.options for key in option.keys)
        check_options(axis, source)
        for key in keys:
            if key not in valid:
                raise RecipeError(f"{source}: axis {axis.name!r} sets an unknown key {key}{nearest(key)}")
            if key == "training.seed":
                raise RecipeError(f"{source}: axis {axis.name!r} sets {key}; list the seeds in seeds = [0, 1, 2]")
            if key in taken:
                both = f"axes {taken[key]!r} and {axis.name!r} both set {key}"
                raise RecipeError(f"{source}: {both}; leave it to one of them")
        taken |= dict.fromkeys(keys, axis.name)


def check_options(axis: Axis, source: str) -> None:
    """Refuse options that can't be told apart, or that say nothing."""
    labels = [option.label for option in axis.options]
    for option in axis.options:
        if labels.count(option.label) > 1:
            raise RecipeError(f"{source}: axis {axis.name!r} has two options {option.label!r}; rename one of them")
        if not option.recipe and option.set is None:
            raise RecipeError(
                f"{source}: option {option.label!r} of axis {axis.name!r} has neither recipe nor set; "
                "give it one of them (set = {} for the study's recipe as it is)"
            )


def product(file: StudyFile, path: Path) -> Iterator[Run]:
    """The runs: cells in the order of the axes, the last one fastest, and within each cell the seeds."""
    for chosen in itertools.product(*(axis.options for axis in file.axis)):
        labels = tuple(option.label for option in chosen)
        name = next((option.recipe for option in chosen if option.recipe), file.recipe)
        if not name:
            raise RecipeError(f"{path}: no recipe for {', '.join(labels) or 'its runs'}; name one as recipe = PATH")
        sources = read_sources(located(name, path.parent))
        cell = dict(sources[0].table)
        for key, value in ((key, value) for option in chosen for key, value in option.keys.items()):
            cell = merge(cell, nested(key, value))
        for seed in file.seeds:
            where = f"{path}: {', '.join(labels) or 'recipe'}"
            recipe = validate_any(merge(cell, nested("training.seed", seed)), where)
            yield Run(labels, seed, recipe.read_from(sources), "-".join([*map(slug, labels), f"seed{seed}"]))


def check_measured_alike(runs: Sequence[Run], source: str, free: Sequence[str] = ()) -> None:
    """Refuse recipes that differ in how they are measured, but for `free` keys if all are evaluated equally often."""
    evaluations = [(r.recipe.training.steps, r.recipe.evaluation.every) for r in runs]
    if free and len({Fraction(steps, every) for steps, every in evaluations}) > 1:
        raise RecipeError(
            f'{source}: equal = "seconds" takes runs that are evaluated equally often; training.steps over '
            f"evaluation.every is {' and '.join(sorted({f'{s}/{e}' for s, e in evaluations}))}"
        )
    first = flat(runs[0].recipe.model_dump())
    for run in runs[1:]:
        keys = flat(run.recipe.model_dump())
        for key in keys:
            if key.startswith(PROTOCOL) and key not in (*NOT_PROTOCOL, *free) and keys[key] != first[key]:
                one, other = (", ".join(r.labels) or "the recipe" for r in (runs[0], run))
                raise RecipeError(
                    f"{source}: {key} is {first[key]!r} for {one}, {keys[key]!r} for {other}; it decides how runs are "
                    "measured, so their figures can't be compared; use one value for all"
                )


def nested(key: str, value: Any) -> dict[str, Any]:
    """`section.key` and its value as a table in a table."""
    for part in reversed(key.split(".")):
        value = {part: value}
    return dict(value)


def slug(label: str) -> str:
    """A label as a part of a folder's name."""
    return re.sub(r"[^a-z0-9]+", "-", label.lower()).strip("-")
