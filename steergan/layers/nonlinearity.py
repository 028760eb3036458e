"""Nonlinear functions of single channels."""

from collections.abc import Callable
from functools import partial

import torch.nn.functional as F
from escnn.nn import EquivariantModule, FieldType, GeometricTensor
from torch import Tensor, nn

from steergan.errors import SteerganError, SymmetryError
from steergan.layers.fields import field_kinds, require_permutations, typed_tensor
from steergan.symmetry import is_permutation, signed_permutation

FUNCTIONS = ("relu", "leaky_relu", "elu", "tanh")
ODD_FUNCTIONS = ("tanh",)


class Pointwise(EquivariantModule):
    """One function of one number, applied to every channel and pixel.

    Args:
        in_type: permutation representations; for the odd function tanh, signed permutations too.
        function: "relu", "leaky_relu", "elu" or "tanh".
        slope: of leaky_relu below zero.

    Shapes: (B, C, H, W) -> the same.
    Symmetry: equivariant, exact.

    Raises:
        SteerganError: the function is not one of these.
        SymmetryError: a representation does not commute with it.
    Source: Dey et al. 2021, C.2 (slope 0.2).

    Examples:
        >>> import torch
        >>> from steergan.symmetry import gspace, regular_type
        >>> regular = regular_type(gspace("C2"), 1)
        >>> x = regular(torch.tensor([-1.0, 2.0]).view(1, 2, 1, 1))
        >>> Pointwise(regular, "leaky_relu", slope=0.5)(x).tensor.flatten().tolist()
        [-0.5, 2.0]
    """

    def __init__(self, in_type: FieldType, function: str, slope: float = 0.2) -> None:
        super().__init__()
        self._apply_pointwise = pointwise_function(function, slope)
        if function not in ODD_FUNCTIONS:
            require_permutations(f"Pointwise {function}", in_type, "it does not commute with the group")
        for kind in field_kinds(in_type):
            if not is_permutation(kind.representation) and signed_permutation(kind.representation) is None:
                raise SymmetryError(
                    f"Pointwise {function} got fields of {kind.representation.name!r}, on which it does not commute "
                    "with the group; give it signed permutation representations"
                )
        self.in_type = self.out_type = in_type
        self.function, self.slope = function, slope

    def forward(self, x: GeometricTensor) -> GeometricTensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        return self.out_type(self._apply_pointwise(typed_tensor(self, x)))

    def export(self) -> nn.Module:
        """Torch's own module of the function."""
        return plain_function(self.function, self.slope)

    def evaluate_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape (B, C, H, W) of the output for an input of this shape."""
        return input_shape

    def extra_repr(self) -> str:
        """What stands in the parentheses of the printed layer."""
        return f"{self.in_type}, {self.function}"


def plain_function(name: str, slope: float) -> nn.Module:
    """The function of one of the `FUNCTIONS`' names, as torch's module."""
    if name == "leaky_relu":
        return nn.LeakyReLU(slope)
    return {"relu": nn.ReLU, "elu": nn.ELU, "tanh": nn.Tanh}[name]().eval()


def pointwise_function(name: str, slope: float) -> Callable[[Tensor], Tensor]:
    """The function of one of the `FUNCTIONS`' names.

    Raises:
        SteerganError: another name.
    """
    if name not in FUNCTIONS:
        raise SteerganError(f"pointwise function {name!r} is not known; choose one of {', '.join(FUNCTIONS)}")
    if name == "leaky_relu":
        return partial(F.leaky_relu, negative_slope=slope)
    functions: dict[str, Callable[[Tensor], Tensor]] = {"relu": F.relu, "elu": F.elu, "tanh": F.tanh}
    return functions[name]
