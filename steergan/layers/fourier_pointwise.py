"""Nonlinear functions of Fourier fields, applied to samples of the functions that they stand for."""

import numpy as np
import torch
from escnn.gspaces import GSpace2D
from escnn.nn import EquivariantModule, FieldType, GeometricTensor
from numpy.typing import NDArray
from torch import Tensor

from steergan.errors import SymmetryError
from steergan.kernels import samples as kernels
from steergan.layers.fields import fourier_frequency, typed_tensor
from steergan.layers.filters.path import ByKernels
from steergan.layers.kept import watched
from steergan.layers.nonlinearity import plain_function, pointwise_function
from steergan.layers.plain import as_graph
from steergan.layers.plain_fields import Sampled
from steergan.symmetry import elements_of, fourier_representation, group_name

FEWEST_SAMPLES = 16


class SampledPointwise(EquivariantModule, ByKernels):
    """Fields of one size -> samples of each -> one function of every sample -> fields, by two given matrices.

    Args:
        in_type: fields of one size.
        out_type: as many fields, of one size too.
        matrices: S (samples, size before) and P (size behind, samples); no gradients flow to them.
        function: "elu", "relu", "leaky_relu" or "tanh".
        slope: of leaky_relu below zero.

    Shapes: (B, C_in, H, W) -> (B, C_out, H, W).
    Symmetry: that of the matrices; equivariant under elements that permute the samples.

    Raises:
        SteerganError: the function is not one of these.
        SymmetryError: fields of several sizes, or matrices of other shapes than the fields want.
    Source: Cesa et al. 2022, section 4.2 (as escnn's FourierPointwise).

    Examples:
        >>> from steergan.symmetry import gspace, regular_type
        >>> fields = regular_type(gspace("C4"), 1)
        >>> relu = SampledPointwise(fields, fields, (torch.eye(4), torch.eye(4)), "relu")
        >>> relu(fields(torch.tensor([-1.0, 2.0, 3.0, -4.0]).view(1, 4, 1, 1))).tensor.flatten().tolist()
        [0.0, 2.0, 3.0, 0.0]
    """

    sampling: Tensor
    projection: Tensor

    def __init__(
        self,
        in_type: FieldType,
        out_type: FieldType,
        matrices: tuple[Tensor, Tensor],
        function: str,
        *,
        slope: float = 0.2,
    ) -> None:
        super().__init__()
        pointwise_function(function, slope)  # refuses what it does not know
        (before, behind) = ({int(r.size) for r in kind.representations} for kind in (in_type, out_type))
        (samples, size), (out_size, sampled) = (matrix.shape for matrix in matrices)
        if len(in_type) != len(out_type) or samples != sampled or (before, behind) != ({size}, {out_size}):
            shapes = " and ".join(str(tuple(matrix.shape)) for matrix in matrices)
            raise SymmetryError(f"matrices of {shapes} for {in_type} -> {out_type}; one size for all was wanted")
        self.in_type, self.out_type = in_type, out_type
        self.function, self.slope = function, slope
        for name, matrix in zip(("sampling", "projection"), matrices, strict=True):
            self.register_buffer(name, matrix.detach().clone(), persistent=False)

    @property
    def wants_kernels(self) -> bool:
        """Whether the kernels are to compute it."""
        return self.convolution_choice != "dense" and self._kernel_function is not None

    @property
    def _kernel_function(self) -> tuple[str, float] | None:
        known = {"elu": ("elu", 0.0), "relu": ("leaky_relu", 0.0), "leaky_relu": ("leaky_relu", self.slope)}
        return known.get(self.function)

    def forward(self, x: GeometricTensor) -> GeometricTensor:
        """(B, C_in, H, W) -> (B, C_out, H, W)."""
        tensor = typed_tensor(self, x)
        batch, _, *sides = tensor.shape
        fields = tensor.reshape(batch * len(self.in_type), self.sampling.shape[1], -1)
        known = self._kernel_function
        asked = self.wants_kernels and not torch.compiler.is_compiling() and not watched()
        if asked and known and kernels.computes(fields, self.sampling, self.projection, known[0]):
            out = kernels.sampled(fields, self.sampling, self.projection, *known)
        else:
            # By name, so that a certificate of this class knows that every sample meets the same function.
            out = self.projection @ pointwise_function(self.function, self.slope)(self.sampling @ fields)
        return self.out_type(out.reshape(batch, self.out_type.size, *sides))

    def export(self) -> torch.nn.Module:
        """Plain torch on tensors: both matrices as convolutions of 1 x 1 around the function."""
        function = plain_function(self.function, self.slope)
        return as_graph(Sampled(self.sampling, self.projection, function))

    def evaluate_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape (B, C, H, W) of the output for an input of this shape."""
        return (input_shape[0], self.out_type.size, *input_shape[2:])

    def extra_repr(self) -> str:
        """What stands in the parentheses of the printed layer."""
        return f"{self.in_type}, {self.function}, {len(self.sampling)} samples"


class FourierPointwise(SampledPointwise):
    """Fourier coefficients -> samples over the group -> one function of each -> Fourier coefficients.

    Args:
        in_type: fields of one `symmetry.fourier_representation`.
        function: "elu", "relu", "leaky_relu" or "tanh"; a smooth one loses least between the samples.
        samples: angles at which a field is sampled (under O2, of rotations and as many of reflections); None: 16, or
            4 (frequency + 1) where that is more.
        slope: of leaky_relu below zero.

    Shapes: (B, C, H, W) -> the same.
    Symmetry: equivariant; exact to rounding for the elements that permute the samples, multiples of 90 degrees (and
        reflections) among them. Between them up to the frequencies that the function makes and sampling folds back.

    Raises:
        SteerganError: the function is not one of these.
        SymmetryError: other fields; samples that are no multiple of 4, or too few for the frequency.
    Source: Cesa et al. 2022, section 4.2 (as escnn's FourierPointwise); Weiler and Cesa 2019 for SO(2).
    Differs: samples are scaled to have the coefficients' mean square, so that the function meets numbers of order one.

    Examples:
        >>> from steergan.symmetry import fourier_representation, gspace
        >>> space = gspace("SO2")
        >>> fields = FieldType(space, [fourier_representation(space, 2)] * 3)
        >>> elu = FourierPointwise(fields)
        >>> elu(fields(torch.randn(1, 15, 4, 4))).shape, elu.samples
        (torch.Size([1, 15, 4, 4]), 16)
    """

    def __init__(
        self, in_type: FieldType, function: str = "elu", samples: int | None = None, *, slope: float = 0.2
    ) -> None:
        space, found = in_type.gspace, set(in_type.representations)
        frequency = fourier_frequency(space, next(iter(found))) if len(found) == 1 else None
        if frequency is None:
            raise SymmetryError(
                f"FourierPointwise got fields of {in_type}; give it fields of one fourier_representation of SO2 or O2 "
                "(regular fields take Pointwise)"
            )
        samples = max(FEWEST_SAMPLES, 4 * (frequency + 1)) if samples is None else samples
        if samples % 4 or samples <= 2 * frequency:
            raise SymmetryError(
                f"FourierPointwise with {samples} samples of frequency {frequency}: a multiple of 4 above "
                f"{2 * frequency} was wanted"
            )
        sampling = sampling_matrix(space, frequency, samples)
        sampled, back = (
            torch.from_numpy(matrix).to(torch.get_default_dtype()) for matrix in (sampling, np.linalg.pinv(sampling))
        )
        super().__init__(in_type, in_type, (sampled, back), function, slope=slope)
        self.samples = samples


def sampling_matrix(space: GSpace2D, frequency: int, samples: int) -> NDArray[np.float64]:
    """Coefficients -> values at equally spaced elements, (samples or 2 samples, size); rows have length one.

    The value at g is sum over irreps of sqrt(d) times coefficients times a column of the irrep's matrix at g: its first
    column for SO(2), whose matrices' second columns say the same; one column for each copy of the irrep for O(2).
    """
    representation = fourier_representation(space, frequency)
    group = representation.group
    columns: list[tuple[tuple[int, ...], int]] = []
    for number, irrep in enumerate(representation.irreps):
        columns.append((irrep, representation.irreps[:number].count(irrep)))
    rows = []
    for element in elements_of(space, samples):
        parts = [
            np.sqrt(group.irrep(*irrep).size) * np.asarray(group.irrep(*irrep)(element))[:, copy]
            for irrep, copy in columns
        ]
        rows.append(np.concatenate(parts))
    assert group_name(space) in ("SO2", "O2")
    return np.stack(rows) / np.sqrt(representation.size)
