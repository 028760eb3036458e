"""Filter banks and biases into the weights of a convolution, and out of them for escnn."""

from typing import Any

import torch
from escnn.nn import FieldType
from torch import Tensor

from steergan.errors import SymmetryError
from steergan.layers.fields import FieldKind
from steergan.layers.filters.conversion import AnyR2Conv, bank_of, bias_of
from steergan.layers.plain import frozen
from steergan.layers.shared_filters import FilteredLayer

IMPORT_TOLERANCE = 1e-5
"""Largest relative difference between a filter bank and its import: escnn samples its basis in float32."""


class BankTransfer(FilteredLayer):
    """A convolution that can be given a bank."""

    in_type: FieldType
    out_type: FieldType
    kernel_size: int
    expansions: torch.nn.ModuleList
    weights: torch.nn.ParameterList
    bias: torch.nn.Parameter | None
    bias_index: Tensor
    _out_kinds: list[FieldKind]
    _in_kinds: list[FieldKind]
    _pair_number: dict[tuple[int, int], int]

    def channel_bias(self) -> Tensor | None:
        """The bias of every channel, (C_out,)."""
        raise NotImplementedError

    @torch.no_grad()
    def load_bank(self, bank: Tensor) -> None:
        """Set the weights so that the bank before spectral normalisation is `bank`, (C_out, C_in, k, k).

        Raises:
            SymmetryError: the bank is not equivariant, or (escnn's basis) not within the band limit.
        """
        for (o, i), number in self._pair_number.items():
            out, into = self._out_kinds[o], self._in_kinds[i]
            entries = into.representation.size * self.kernel_size**2
            block = bank[out.channels][:, into.channels].reshape(len(out.fields), -1, len(into.fields), entries)
            expansion: Any = self.expansions[number]
            self.weights[number].copy_(expansion.fit(block))
        error = float((self.raw_filter() - bank.flatten(1)).abs().max() / bank.abs().max().clamp_min(1e-30))
        if not error < IMPORT_TOLERANCE:
            raise SymmetryError(
                f"the filter bank is {error:.1e} from the nearest one of {self.in_type} -> {self.out_type} "
                f"(tolerance {IMPORT_TOLERANCE}); it is not equivariant, or beyond the band limit"
            )

    def take_over(self, convolution: AnyR2Conv) -> None:
        """Take bank, bias, dtype and device of an escnn convolution between the same fields, of the same size.

        Raises:
            SymmetryError: this layer can't have such a bank or bias.
        """
        self.to(convolution.weights.device, convolution.weights.dtype)
        self.load_bank(bank_of(convolution))
        self._load_bias(bias_of(convolution))

    @torch.no_grad()
    def _load_bias(self, wanted: Tensor) -> None:
        if self.bias is not None:
            for number in range(len(self.bias)):
                self.bias[number] = wanted[self.bias_index == number].mean()
        bias = self.channel_bias()
        found = torch.zeros_like(wanted) if bias is None else bias
        if not torch.allclose(found, wanted, rtol=IMPORT_TOLERANCE, atol=IMPORT_TOLERANCE):
            raise SymmetryError(
                "R2Conv has a bias that is not one number per field of a permutation representation; set it to zero"
            )

    @torch.no_grad()
    def plain_convolution(self, transposed: bool = False, **windows: Any) -> Any:
        """Torch's convolution, or transposed convolution, with this bank and bias.

        Args:
            transposed: take the transposed one.
            windows: stride, padding and so on, as torch's layers take them.
        """
        bank, bias = self.normed_filter().unflatten(1, (-1, self.kernel_size, self.kernel_size)), self.channel_bias()
        kind: Any = torch.nn.ConvTranspose2d if transposed else torch.nn.Conv2d
        inputs = bank.shape[1] * windows.get("groups", 1)
        layer = kind(inputs, bank.shape[0], self.kernel_size, bias=bias is not None, **windows, device="meta")
        layer.weight = torch.nn.Parameter((bank.transpose(0, 1) if transposed else bank).contiguous().clone())
        if bias is not None:
            layer.bias = torch.nn.Parameter(bias.clone())
        return frozen(layer)

    @torch.no_grad()
    def bank_to_give(self) -> Tensor:
        """The bank for escnn's layers, (C_out, C_in, k, k), spectral norms divided out.

        Raises:
            SymmetryError: the kernel is even.
        """
        if self.kernel_size % 2 == 0:
            raise SymmetryError(f"kernel size {self.kernel_size} has no R2Conv; odd ones do")
        return self.normed_filter().unflatten(1, (-1, self.kernel_size, self.kernel_size))
