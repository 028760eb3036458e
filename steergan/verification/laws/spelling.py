"""Laws of feature maps entry by entry, kept as long as the maps are what they were."""

from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

from steergan.verification.elements import Matrix
from steergan.verification.laws.law import Fields, Law, written_out


class Spelling:
    """Writes out the law of a feature map once, so that all its slices speak of the same atoms.

    Args:
        elements: that are claimed.
    """

    def __init__(self, elements: tuple[Matrix, ...]) -> None:
        self.elements = elements
        self._kept = WeakTensorKeyDictionary()

    def __call__(self, law: Law, tensor: Tensor) -> Law:
        """The law of a tensor, entry by entry."""
        if not isinstance(law, Fields):
            return law
        kept: tuple[Fields, Law] | None = self._kept.get(tensor)
        if kept is None or kept[0] is not law:  # a layer may have written to the map, and given it a law of its own
            kept = law, written_out(law, tensor.shape, self.elements)
            self._kept[tensor] = kept
        return kept[1]

    def forget(self, tensor: Tensor) -> None:
        """A tensor has other entries from now on."""
        self._kept.pop(tensor, None)
