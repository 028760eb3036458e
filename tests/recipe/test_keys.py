"""Keys, as the settings themselves describe them."""

from steergan.recipe import Recipe, described_keys, recipe_keys
from steergan.recipe.keys import words_of


def test_every_key_is_described_and_in_the_schema() -> None:
    keys = list(described_keys())
    assert [key.name for key in keys] == list(recipe_keys())
    assert [key.name for key in keys if not key.meaning] == []
    assert [key.name for key in keys if key.default is None] == ["name", "data.name"]
    schema = Recipe.model_json_schema()["$defs"]["TrainingSettings"]["properties"]
    by_name = {key.name: key for key in keys}
    assert schema["beta1"]["description"] == by_name["training.beta1"].meaning


def test_values_are_told_in_words() -> None:
    values = {key.name: key.values for key in described_keys()}
    assert values["training.batch_size"] == "integer >= 1"
    assert values["data.held_out"] == "number > 0, < 1"
    assert values["data.range"] == '"auto" | "dtype" | "minmax" | [number, number]'
    assert values["data.disk"] == "true | false"
    assert values["augmentation.transforms"].startswith('["translation" | "scaling" | "colour" | "cutout"')
    assert '"folder"' in values["data.name"]
    assert words_of({"$ref": "#/$defs/x"}, {"x": {"const": "y"}}) == '"y"'
