"""Whether equal entries of baked banks are the same bits, in integers, by the tables of orbits."""

from dataclasses import dataclass
from typing import Any

import torch
from escnn.nn import FieldType
from torch import Tensor, nn

from steergan.exporting.baking import Baked
from steergan.layers.fields import field_kinds
from steergan.layers.filters.orbits import filter_orbits
from steergan.symmetry import is_grid_group, is_permutation, signed_permutation

INTEGERS = {torch.float32: torch.int32, torch.float64: torch.int64}


@dataclass(frozen=True)
class Bits:
    """What was compared.

    Attributes:
        banks: how many banks and biases.
        entries: how many numbers of theirs.
        wrong: the paths of those in which entries of one orbit differ.
    """

    banks: int
    entries: int
    wrong: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """In words."""
        if not self.banks:
            return "No bank of a group that permutes pixels."
        if self.wrong:
            return f"Entries that the group makes equal differ in {', '.join(self.wrong)}."
        return (
            f"All {self.entries:,} numbers of {self.banks} banks and biases that the group makes equal are the same "
            "bits, or the same with the other sign."
        )


def compare_bits(model: nn.Module, baked: Baked) -> Bits:
    """Compare the float32 numbers of every convolution between fields of a group that permutes pixels.

    Args:
        model: that was baked.
        baked: what became of it.
    """
    parts, modules = dict(model.named_modules()), dict(baked.module.named_modules())
    banks = entries = 0
    wrong: list[str] = []
    for path, target in baked.places.items():
        layer, plain = owner(parts, path), modules.get(target)
        if layer is None or not isinstance(plain, nn.Conv2d | nn.ConvTranspose2d):
            continue
        bank = plain.weight.detach()
        bank = bank.transpose(0, 1) if isinstance(plain, nn.ConvTranspose2d) else bank
        if bank.shape[:2] != (layer.out_type.size, layer.in_type.size):
            continue
        banks, entries = banks + 1, entries + bank.numel()
        right = bank_is_equal(bank, layer.out_type, layer.in_type)
        if plain.bias is not None and all(is_permutation(r) for r in set(layer.out_type.representations)):
            banks, entries = banks + 1, entries + plain.bias.numel()
            right = right and bias_is_equal(plain.bias.detach(), layer.out_type)
        wrong += [] if right else [target]
    return Bits(banks, entries, tuple(wrong))


def owner(parts: dict[str, nn.Module], path: str) -> Any:
    """The layer at a path, or above what it is made of there, whose filter has orbits; None if there is none."""
    while path:
        layer: Any = parts.get(path)
        into, out = getattr(layer, "in_type", None), getattr(layer, "out_type", None)
        if isinstance(into, FieldType) and isinstance(out, FieldType):
            kinds = {*into.representations, *out.representations}
            grid = into.gspace.dimensionality == 2 and is_grid_group(into.gspace) and into.gspace == out.gspace
            return layer if grid and all(signed_permutation(kind) is not None for kind in kinds) else None
        path = path.rpartition(".")[0]
    return None


def bank_is_equal(bank: Tensor, out_type: FieldType, in_type: FieldType) -> bool:
    """Whether all entries of an orbit are the same bits, times their signs, and those of none are zero."""
    size = bank.shape[-1]
    for out in field_kinds(out_type):
        for into in field_kinds(in_type):
            orbits = filter_orbits(out_type.gspace, out.representation, into.representation, size)
            index, sign = (torch.from_numpy(table).flatten() for table in (orbits.index, orbits.sign))
            block = bank[out.channels][:, into.channels]
            shape = (len(out.fields), out.representation.size, len(into.fields), into.representation.size, size, size)
            entries = block.reshape(shape).permute(0, 2, 1, 3, 4, 5).reshape(-1, len(index))
            if bool((entries[:, sign == 0] != 0).any()):
                return False
            free = sign != 0
            signed = entries[:, free] * sign[free].to(bank.dtype) + 0.0  # -0 is 0
            if not bool(free.any()):
                continue
            first = torch.zeros(orbits.count, dtype=torch.int64)
            positions = torch.arange(int(free.sum())).flip(0)
            first[index[free].flip(0)] = positions  # the first position of every orbit is written last
            bits = signed.contiguous().view(INTEGERS[bank.dtype])
            if not torch.equal(bits, bits[:, first[index[free]]]):
                return False
    return True


def bias_is_equal(bias: Tensor, out_type: FieldType) -> bool:
    """Whether all channels of a field have the same bits."""
    start, bits = 0, bias.contiguous().view(INTEGERS[bias.dtype])
    for representation in out_type.representations:
        field = bits[start : start + representation.size]
        if bool((field != field[0]).any()):
            return False
        start += representation.size
    return True
