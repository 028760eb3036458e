"""The files that a recipe was read from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Source:
    """A file that says a recipe, or a part of it that others extend.

    Attributes:
        name: `steergan:NAME` if it comes with steergan, else the file's name without folders.
        sha256: of its bytes.
        table: what it says, over what it extends.
    """

    name: str
    sha256: str
    table: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Sources:
    """The file of a recipe, and those that it extends. All are equal, for recipes that say the same are."""

    files: tuple[Source, ...] = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sources)

    def __hash__(self) -> int:
        return 0
