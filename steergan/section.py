"""A table of settings."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError


class Section(BaseModel):
    """Named settings with defaults: strict about keys, types and values, and frozen once they are made.

    The string below a key is its description: in help, in the schema and in the reference.

    Raises:
        pydantic.ValidationError: an unknown key, a wrong type or an impossible value.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True)


def first_fault(error: ValidationError) -> Mapping[str, Any]:
    """The fault that is told: an unknown key before one that is missing, for it may be that one, misspelt."""
    faults = error.errors()
    return next((fault for fault in faults if fault["type"] == "extra_forbidden"), faults[0])


def wanted(fault: Mapping[str, Any]) -> str:
    """What was wanted in the place of what came, in the words of TOML."""
    if fault["type"] == "tuple_type":
        return "a list"
    if fault["type"] == "too_short":
        return f"a list of at least {fault['ctx']['min_length']}"
    return str(fault["msg"]).removeprefix("Input should be ").removeprefix("a valid ")
