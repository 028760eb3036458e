"""What a study is: one recipe, axes of options, seeds, and the runs that their product makes."""

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError

from steergan.errors import RecipeError
from steergan.recipe import Recipe, Section, merge, nearest, read_table, recipe_keys, validate
from steergan.run.folder import flat

PROTOCOL = ("data.seed", "data.held_out", "evaluation.", "training.ema_")
"""Keys, or beginnings of keys, that decide how a run is measured: runs that differ there are not compared."""


class Option(Section):
    """One choice on an axis."""

    label: Annotated[str, Field(min_length=1)]
    set: dict[str, Any]
    """Recipe keys and their values, as `"section.key" = value` or `section.key = value`."""


class Axis(Section):
    """Something that is varied."""

    name: Annotated[str, Field(min_length=1)]
    options: Annotated[tuple[Option, ...], Field(min_length=1, strict=False)]


class StudyFile(Section):
    """What the TOML file of a study may say."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    title: str = ""
    """Of its page in the results; empty: the name."""
    claim: str = ""
    """What it examines, and who claims it."""
    recipe: str
    """Path of the recipe, relative to the file."""
    seeds: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1, strict=False)] = (0, 1, 2)
    """Training seeds; every cell is run with each."""
    axis: Annotated[tuple[Axis, ...], Field(strict=False)] = ()
    """The cells are the product of the axes; pictures have a panel for every option of the last."""


@dataclass(frozen=True)
class Run:
    """One cell with one seed."""

    labels: tuple[str, ...]
    """The option on every axis."""
    seed: int
    recipe: Recipe
    folder: str
    """Name of its run folder."""


@dataclass(frozen=True)
class Study:
    """A grid of runs."""

    file: StudyFile
    runs: tuple[Run, ...]

    @property
    def name(self) -> str:
        return self.file.name

    @property
    def cells(self) -> list[tuple[str, ...]]:
        """The labels of every cell, in order."""
        return list(dict.fromkeys(run.labels for run in self.runs))

    def of_cell(self, labels: tuple[str, ...]) -> list[Run]:
        """A cell's runs, one a seed."""
        return [run for run in self.runs if run.labels == labels]


def read_study(path: Path) -> Study:
    """The study in a TOML file, with every recipe resolved and checked.

    Raises:
        RecipeError: no such file, not TOML, an unknown key, a wrong type or value; an option that sets a seed, a key
            that decides how runs are measured, or a key of another axis; two cells or axes whose names can't be told
            apart; anything that is wrong with a recipe.
    """
    if not path.is_file():
        raise RecipeError(f"{path}: no such study; studies are TOML files, see recipes/studies/rotmnist-small.toml")
    file = validate_study(read_table(path), str(path))
    settings = {axis.name: [flat(option.set) for option in axis.options] for axis in file.axis}
    check_axes(file, settings, str(path))
    table = read_table(path.parent / file.recipe)
    runs = tuple(product(file, settings, table, str(path)))
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
        fault = error.errors()[0]
    key = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        raise RecipeError(f"{source}: unknown key {key}; a study has {', '.join(StudyFile.model_fields)}")
    if fault["type"] == "missing":
        raise RecipeError(f"{source}: key {key} is missing; it has no default")
    wanted = fault["msg"].removeprefix("Input should be ").removeprefix("a valid ")
    raise RecipeError(f"{source}: {key} = {fault['input']!r}; wanted: {wanted}")


def check_axes(file: StudyFile, settings: Mapping[str, Sequence[Mapping[str, Any]]], source: str) -> None:
    """Refuse axes that set what they should not."""
    if len(settings) != len(file.axis):
        raise RecipeError(f"{source}: two axes have the same name; rename one of {[axis.name for axis in file.axis]}")
    valid = set(recipe_keys())
    taken: dict[str, str] = {}
    for axis, options in settings.items():
        for key in dict.fromkeys(key for option in options for key in option):
            if key not in valid:
                raise RecipeError(f"{source}: axis {axis!r} sets an unknown key {key}{nearest(key)}")
            if key == "training.seed":
                raise RecipeError(f"{source}: axis {axis!r} sets training.seed; list the seeds in seeds = [0, 1, 2]")
            if key.startswith(PROTOCOL):
                raise RecipeError(
                    f"{source}: axis {axis!r} sets {key}, which changes how runs are measured, so that their figures "
                    "can't be compared; set it in the recipe, for all"
                )
            if key in taken:
                raise RecipeError(f"{source}: axes {taken[key]!r} and {axis!r} both set {key}; leave it to one of them")
        taken |= dict.fromkeys((key for option in options for key in option), axis)


def product(
    file: StudyFile, settings: Mapping[str, Sequence[Mapping[str, Any]]], table: Mapping[str, Any], source: str
) -> Iterator[Run]:
    """The runs: cells in the order of the axes, the last one fastest, and within each cell the seeds."""
    choices = [
        [(option.label, keys) for option, keys in zip(axis.options, settings[axis.name], strict=True)]
        for axis in file.axis
    ]
    for chosen in itertools.product(*choices):
        labels = tuple(label for label, _ in chosen)
        cell = dict(table)
        for _, keys in chosen:
            for key, value in keys.items():
                cell = merge(cell, nested(key, value))
        for seed in file.seeds:
            recipe = validate(merge(cell, nested("training.seed", seed)), f"{source}: {', '.join(labels) or 'recipe'}")
            yield Run(labels, seed, recipe, "-".join([*map(slug, labels), f"seed{seed}"]))


def nested(key: str, value: Any) -> dict[str, Any]:
    """`section.key` and its value as a table in a table."""
    for part in reversed(key.split(".")):
        value = {part: value}
    return dict(value)


def slug(label: str) -> str:
    """A label as a part of a folder's name."""
    return re.sub(r"[^a-z0-9]+", "-", label.lower()).strip("-")
