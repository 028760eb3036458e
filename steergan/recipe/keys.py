"""Every key that a recipe may set, with its values, its default and its meaning, as the settings themselves say it."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from steergan.recipe.data import SOURCES, DataSettings
from steergan.recipe.messages import section_of
from steergan.recipe.sections import Recipe


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


def described_keys(model: type[BaseModel] = Recipe, prefix: str = "") -> Iterator[Key]:
    """All keys, in the order of a recipe.

    Examples:
        >>> from steergan.recipe import described_keys
        >>> key = next(key for key in described_keys() if key.name == "data.fraction")
        >>> key.values, key.default
        ('number > 0, <= 1', 1.0)
    """
    properties = model.model_json_schema()
    for name, field in model.model_fields.items():
        inner = DataSettings if prefix + name == "data" else section_of(field.annotation)
        if inner is not None:
            yield from described_keys(inner, f"{prefix}{name}.")
            continue
        values = words_of(properties["properties"][name], properties.get("$defs", {}))
        if prefix + name == "data.name":
            yield Key("data.name", " | ".join(f'"{source}"' for source in SOURCES), None, "Where the images come from.")
            continue
        default = None if field.default is PydanticUndefined else field.default
        yield Key(prefix + name, values, default, " ".join((field.description or "").split()))


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
