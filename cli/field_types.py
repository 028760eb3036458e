"""Field types as options: `--in-type 3*trivial@D4`, completed by the shell without escnn, which takes seconds."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import click
from click.shell_completion import CompletionItem

from .options import Command

REPRESENTATIONS = ("trivial", "regular", "irrep_", "quotient_", "fourier_")
GROUPS = ("trivial", "C2", "C4", "C8", "C16", "D1", "D2", "D4", "D8", "SO2", "O2")
"""Those of `steergan.symmetry.GROUPS`."""

HEAD = re.compile(r"(?:\w+=)?(?:[^+@]*\+)*(?:\d+\*)?")
"""What stands before the representation that is being written."""


class FieldTypeWords(click.ParamType[str]):
    """`3*trivial@D4`, or `NAME=3*trivial@D4` of one of several; what it says is read by the command."""

    name = "type"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Names of representations, then of groups."""
        return [CompletionItem(words) for words in completions(incomplete)]


def type_option(name: str, what: str) -> Callable[[Command], Command]:
    """An option that takes field types, as often as there are inputs or results."""
    return click.option(name, metavar="TYPE", type=FieldTypeWords(), multiple=True, help=what)


in_type_option = type_option(
    "--in-type", "Field type of the input, such as 3*trivial@D4; once for each, NAME=TYPE for a dict."
)
out_type_option = type_option(
    "--out-type", "Field type of the result, such as 2*regular+irrep_1@C4; once for each, or NAME=TYPE."
)


def completions(begun: str) -> list[str]:
    """What a notation that was begun may go on to be."""
    if "@" in begun:
        terms, _, group = begun.rpartition("@")
        return [f"{terms}@{name}" for name in GROUPS if name.startswith(group)]
    head = HEAD.match(begun)
    start = head[0] if head else ""
    rest = begun[len(start) :]
    found = [f"{start}{name}" for name in REPRESENTATIONS if name.startswith(rest) and name != rest]
    whole = rest in ("trivial", "regular") or re.fullmatch(r"(irrep|quotient|fourier)_[\d,]+", rest)
    return found or ([f"{begun}@{name}" for name in GROUPS] if whole else [])


def types_of(words: Sequence[str], option: str) -> Any:
    """What an option said: nothing, one field type, several in a tuple, or a dict of those that have a name.

    Raises:
        click.BadParameter: one does not parse, or some have names and some have none.
    """
    from steergan.errors import SymmetryError
    from steergan.symmetry import field_type

    pairs = [word.rpartition("=") for word in words]
    if len({bool(name) for name, _, _ in pairs}) > 1:
        words = "some have a NAME= and some have none; all or none was wanted"
        raise click.BadParameter(words, param_hint=f"'{option}'")
    try:
        found = [field_type(notation) for _, _, notation in pairs]
    except SymmetryError as error:
        raise click.BadParameter(str(error), param_hint=f"'{option}'") from None
    if pairs and pairs[0][0]:
        return dict(zip((name for name, _, _ in pairs), found, strict=True))
    return None if not found else found[0] if len(found) == 1 else tuple(found)
