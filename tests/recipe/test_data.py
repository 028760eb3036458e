"""Keys of the [data] section that only some sources take."""

from typing import Any, get_args

import pytest

from steergan.errors import RecipeError
from steergan.recipe import Recipe, TranslationRecipe, validate_any
from steergan.recipe.data import SOURCES, Division


def read(**data: Any) -> Recipe | TranslationRecipe:
    return validate_any({"name": "x", "data": data}, "my.toml")


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("split", get_args(Division))
def test_splits_that_a_source_cannot_make_are_refused_with_those_it_can(name: str, split: str) -> None:
    taken = ("auto", *SOURCES[name].divisions)
    if split in taken:
        assert read(name=name, split=split).data.split == split
        return
    with pytest.raises(RecipeError) as caught:
        read(name=name, split=split)
    wanted = " or ".join(f'"{one}"' for one in taken)
    assert str(caught.value) == f"my.toml: data.split = {split!r}; wanted: {wanted} with data.name = {name}"


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize(("key", "value"), [("size", 64), ("stride", 16), ("foreground", 0.5)])
def test_keys_that_do_nothing_are_refused(name: str, key: str, value: float) -> None:
    if key in SOURCES[name].takes:
        assert getattr(read(name=name, **{key: value}).data, key) == value
        return
    with pytest.raises(RecipeError, match=f"data.{key} = {value}; wanted: no such key with data.name = {name}"):
        read(name=name, **{key: value})


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize(("key", "value", "usual"), [("turn", "fresh", '"once"'), ("angles", 90.0, "360")])
def test_other_angles_are_refused_where_there_are_no_unturned_originals(
    name: str, key: str, value: Any, usual: str
) -> None:
    if key in SOURCES[name].takes:
        assert getattr(read(name=name, **{key: value}).data, key) == value
        return
    with pytest.raises(RecipeError) as caught:
        read(name=name, **{key: value})
    wanted = f"{usual} with data.name = {name}, which has no unturned originals; digits and rotmnist have"
    assert str(caught.value) == f"my.toml: data.{key} = {value!r}; wanted: {wanted}"


@pytest.mark.parametrize(("key", "value"), [("size", -1), ("stride", -8), ("foreground", 1.5), ("split", "left")])
def test_impossible_values_are_refused(key: str, value: object) -> None:
    with pytest.raises(RecipeError, match=rf"data\.{key} = "):
        read(name="patches", **{key: value})


def test_an_unknown_name_is_the_only_fault_that_is_told() -> None:
    with pytest.raises(RecipeError, match=r"data\.name = 'slides'; wanted: 'rotmnist'"):
        read(name="slides", split="right", size=3)
