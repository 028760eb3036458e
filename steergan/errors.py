"""What steergan says to a user whose input can't be used."""

import re

LONGEST_WORD = 300
"""Characters without a blank between them that a line still shows whole."""
LONGEST_VALUE = 100
"""Characters of a value that came that a line still shows whole."""


class SteerganError(Exception):
    """One line for the user: what came, what was wanted, what to do. Commands print it and exit with `exit_code`."""

    exit_code = 1

    def __str__(self) -> str:
        return one_line(super().__str__())


class RecipeError(SteerganError):
    """A recipe, or a `--set`, that cannot be used."""

    exit_code = 2


class SubjectError(SteerganError):
    """A network that cannot be verified as it was asked for: it can't be run, copied, or lacks types."""

    exit_code = 2


class DataError(SteerganError):
    """Data that is missing, damaged or of the wrong kind."""


class MissingDataError(DataError):
    """Original files that are nowhere, with how to have them."""


class SymmetryError(SteerganError, ValueError):
    """A group, field type or size for which exact equivariance is impossible."""


class RunError(SteerganError):
    """A run folder that cannot be used, or a run that cannot go on."""


def one_line(text: str) -> str:
    r"""Text as a line that moves no cursor: what doesn't print is shown as Python writes it, long words without middle.

    Args:
        text: anything, names of files that are no UTF-8 among it.

    Examples:
        >>> one_line("two\nlines and \x1b[31mred")
        'two\\nlines and \\x1b[31mred'
        >>> len(one_line("9" * 5000))
        300
    """
    return re.sub(rf"\S{{{LONGEST_WORD + 1},}}", lambda word: shortened(word[0], LONGEST_WORD), escaped(text))


def escaped(text: str) -> str:
    r"""Text whose characters that don't print (control, direction, halves of a pair) are shown as Python writes them.

    Examples:
        >>> escaped("cat\x07 \u202egod")
        'cat\\x07 \\u202egod'
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def shown(value: object) -> str:
    """A value that came, in a message: as Python writes it, without its middle where it is long.

    Examples:
        >>> shown("C5"), shown(10**5000)
        ("'C5'", 'an int too long to be written')
    """
    try:
        return shortened(repr(value), LONGEST_VALUE)
    except (ValueError, RecursionError):  # more than 4,300 digits, or lists in lists in lists
        kind = type(value).__name__
        return f"a{'n' * (kind[0] in 'aeiou')} {kind} too long to be written"


def shortened(text: str, most: int) -> str:
    """The text, or its beginning and its end."""
    if len(text) <= most:
        return text
    return f"{text[: most // 2]}…{text[-(most - most // 2 - 1) :]}"


def reason(error: BaseException) -> str:
    """What an exception of a library says, for a part of a line: its first words, or at least its name."""
    said = getattr(error, "strerror", None) or str(error)
    return " ".join(str(said).split())[:200] or type(error).__name__
