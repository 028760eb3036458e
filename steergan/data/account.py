"""What a set holds, class by class, what was understood of the files, and what was left out: as text."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from steergan.data.plan import LeftOut
from steergan.errors import escaped
from steergan.tables import aligned

MOST_LINES = 20
"""So many classes, and so many files that were left out, are listed where they are not asked for."""


@dataclass(frozen=True)
class Account:
    """A set, told to its user before anything is trained on it.

    Args:
        class_names: K names; a class's number is its place.
        train: images of every class to train on, those that `data.fraction` leaves; None where it isn't known yet.
        held_out: likewise, of those that are held out.
        left_out: files that are not in the set.
        notes: what was understood, in words.
        at_most: whether the counts are bounds.

    Examples:
        >>> from steergan.data import Account, LeftOut
        >>> damaged = LeftOut("cats/05.png", "not a readable image", "cats")
        >>> print(Account(("ants", "cats"), (8, 7), (2, 2), (damaged,), ("sub-folders are classes",)).text())
        class  name  training  held out  left out
            0  ants         8         2         0
            1  cats         7         2         1
        read as: sub-folders are classes
        left out: cats/05.png: not a readable image
    """

    class_names: Sequence[str]
    train: Sequence[int] | None
    held_out: Sequence[int] | None
    left_out: Sequence[LeftOut] = ()
    notes: Sequence[str] = ()
    at_most: bool = False

    def text(self, most: int | None = None) -> str:
        """A table of the classes, then notes, then what was left out.

        Args:
            most: so many classes, and so many files; the others are counted. None: all.
        """
        lines = [*self.table(most), *(f"{'' if k else 'read as: '}{note}" for k, note in enumerate(self.notes))]
        shown = self.left_out[:most]
        lines += [f"left out: {one.name}: {one.reason}" for one in shown]
        if more := len(self.left_out) - len(shown):
            lines.append(f"left out: {more} more")
        return "\n".join(map(escaped, lines))

    def table(self, most: int | None) -> list[str]:
        """The rows of the table, aligned."""
        of_class = Counter(one.class_name for one in self.left_out)
        bound = "at most " * self.at_most
        rows: list[tuple[str, ...]] = [("class", "name", "training", "held out", "left out")]
        for k, name in enumerate(self.class_names[:most]):
            counts = ["?" if of is None else f"{bound}{of[k]:,}" for of in (self.train, self.held_out)]
            rows.append((str(k), name, *counts, f"{of_class[name]:,}"))
        columns = 5 if any(of_class[name] for name in self.class_names) else 4
        lines = aligned([row[:columns] for row in rows], left={1})
        more = len(self.class_names) - len(rows) + 1
        return [*lines, f"and {more} more classes"] if more else lines
