"""A table of settings."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Named settings with defaults: strict about keys, types and values, and frozen once they are made.

    The string below a key is its description: in help, in the schema and in the reference.

    Raises:
        pydantic.ValidationError: an unknown key, a wrong type or an impossible value.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True)
