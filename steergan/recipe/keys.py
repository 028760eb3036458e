"""Every key that a recipe may set, with its values, its default and its meaning, as the settings themselves say it."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from steergan.recipe.data import SOURCES, DataSettings
from steergan.recipe.messages import sections_of, told_apart_by
from steergan.recipe.sections import AnyRecipe, Recipe


class Key(NamedTuple):
    """A key of a recipe."""

    name: str
    """Dotted."""
    values: str
    """What it may be, in words."""
    default: Any
    """None: it has to be set."""
    meaning: str
    """One paragraph."""


def described_keys(kind: type[AnyRecipe] = Recipe) -> Iterator[Key]:
    """All keys of a kind of recipe, in its order; what a key of some architectures only is for is said of it.

    Examples:
        >>> from steergan.recipe import described_keys
        >>> key = next(key for key in described_keys() if key.name == "data.fraction")
        >>> key.values, key.default
        ('number > 0, <= 1', 1.0)
    """
    for name, field in kind.model_fields.items():
        if name == "data":
            yield Key("data.name", " | ".join(f'"{source}"' for source in SOURCES), None, "Where the images come from.")
            yield from (key for key in keys_of(DataSettings, "data.") if key.name != "data.name")
        elif models := sections_of(field.annotation):
            yield from together(name, [list(keys_of(model, f"{name}.")) for model in models])
        else:
            yield described(kind.model_json_schema(), kind, name, "")


def keys_of(model: type[BaseModel], prefix: str) -> Iterator[Key]:
    """The keys of one section."""
    schema = model.model_json_schema()
    return (described(schema, model, name, prefix) for name in model.model_fields)


def described(schema: Mapping[str, Any], model: type[BaseModel], name: str, prefix: str) -> Key:
    """One key of a model, whose schema is given."""
    field = model.model_fields[name]
    values = words_of(schema["properties"][name], schema.get("$defs", {}))
    default = None if field.default is PydanticUndefined else field.default
    return Key(prefix + name, values, default, " ".join((field.description or "").split()))


def together(section: str, kinds: list[list[Key]]) -> list[Key]:
    """The keys of a section that is one of several kinds, each key once."""
    teller = f"{section}.{told_apart_by(section, Recipe)}"
    found: dict[str, Key] = {}
    for keys in kinds:
        values = {key.name: key.values for key in keys}.get(teller, "")
        for key in keys:
            known = found.get(key.name)
            if known is None:
                here = f"With {teller} = {values}: " if found and keys is not kinds[0] else ""
                found[key.name] = key._replace(meaning=f"{here}{key.meaning}")
            elif key.name == teller:
                both = f"{known.meaning} {key.values}: {key.meaning[:1].lower()}{key.meaning[1:]}"
                found[key.name] = known._replace(values=f"{known.values} | {key.values}", meaning=both)
            elif (known.values, known.default) != (key.values, key.default):
                other = f"With {teller} = {values}: {key.values}, by default {json.dumps(key.default)}."
                more = "" if key.meaning in known.meaning else f" {key.meaning}"
                found[key.name] = known._replace(meaning=f"{known.meaning} {other}{more}")
    return list(found.values())


def words_of(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    """The values that a JSON schema allows."""
    if "$ref" in schema:
        return words_of(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    for choice in ("anyOf", "oneOf"):
        if choice in schema:
            return " | ".join(words_of(one, definitions) for one in schema[choice])
    if "enum" in schema:
        return " | ".join(f'"{one}"' if isinstance(one, str) else str(one) for one in schema["enum"])
    if "const" in schema:
        return f'"{schema["const"]}"'
    if schema.get("type") == "array":
        if "prefixItems" in schema:
            return f"[{', '.join(words_of(one, definitions) for one in schema['prefixItems'])}]"
        return f"[{words_of(schema['items'], definitions)}, ...]"
    kind = {"boolean": "true | false"}.get(schema.get("type", ""), schema.get("type", "value"))
    limits = {"exclusiveMinimum": ">", "minimum": ">=", "exclusiveMaximum": "<", "maximum": "<="}
    bounds = [f"{sign} {schema[limit]:g}" for limit, sign in limits.items() if limit in schema]
    return " ".join([kind, ", ".join(bounds)]).strip()
