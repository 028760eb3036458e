"""Laws of feature maps entry by entry, kept as long as the maps are what they were."""

from dataclasses import dataclass

from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

from steergan.verification.elements import Matrix
from steergan.verification.laws.law import Fields, Law, written_out


@dataclass(eq=False)
class Entries:
    """The entries of a feature map, which several tensors can hold: itself, its copies, other names of it.

    Attributes:
        law: that was written out; None as long as nobody asked.
        written: entry by entry.
    """

    law: Fields | None = None
    written: Law | None = None


class Spelling:
    """Writes out the law of a feature map once, so that all its slices speak of the same atoms.

    Args:
        elements: that are claimed.
    """

    def __init__(self, elements: tuple[Matrix, ...]) -> None:
        self.elements = elements
        self._entries = WeakTensorKeyDictionary()

    def __call__(self, law: Law, tensor: Tensor) -> Law:
        """The law of a tensor, entry by entry."""
        if not isinstance(law, Fields):
            return law
        entries = self._of(tensor)
        if entries.law is not None and entries.law is not law:  # a layer wrote to the map, and gave it its own law
            entries = self._entries[tensor] = Entries()
        if entries.written is None:
            entries.law, entries.written = law, written_out(law, tensor.shape, self.elements)
        return entries.written

    def same(self, tensor: Tensor, other: Tensor) -> None:
        """A tensor has the entries of another, each at its place."""
        self._entries[tensor] = self._of(other)

    def forget(self, tensor: Tensor) -> None:
        """A tensor has other entries from now on."""
        self._entries.pop(tensor, None)

    def _of(self, tensor: Tensor) -> Entries:
        entries: Entries = self._entries.setdefault(tensor, Entries())
        return entries
