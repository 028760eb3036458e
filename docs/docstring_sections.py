"""For the reference: Shapes, Symmetry, Source and Differs of a docstring are paragraphs of their own, as Args are."""

import re
from typing import Any

import griffe

EXAMPLE = re.compile(r"^( *)Example:$", re.MULTILINE)  # griffe knows the plural alone
OWN_SECTION = re.compile(r"\n *(Shapes|Symmetry|Source|Differs): ")


class DocstringSections(griffe.Extension):  # type: ignore[misc]
    """Rewrites docstrings before they are read as Google's."""

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        """Every class, function, module and attribute, once."""
        if obj.docstring is not None:
            text = EXAMPLE.sub(r"\1Examples:", obj.docstring.value)
            obj.docstring.value = OWN_SECTION.sub(r"\n\n**\1:** ", text)
