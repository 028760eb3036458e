"""The nonlinearity that suits a field type."""

from escnn.nn import EquivariantModule, FieldType

from steergan.errors import SymmetryError
from steergan.layers.fields import fourier_frequency, gated_frequency
from steergan.layers.fourier_pointwise import FourierPointwise
from steergan.layers.gated import Gated
from steergan.layers.nonlinearity import Pointwise
from steergan.symmetry import is_permutation

FOURIER_FUNCTION = "elu"
"""Between sampled functions: smooth, so that sampling loses little of it."""


def activation(field_type: FieldType, function: str = "relu", slope: float = 0.2) -> EquivariantModule:
    """The nonlinearity of a field type: pointwise on permutations, else `FourierPointwise` (ELU) or `Gated`.

    Args:
        field_type: permutation representations; or fields of one Fourier or one gated representation.
        function: on permutations, see `Pointwise`.
        slope: of leaky_relu.

    Symmetry: that of the layer. Its `in_type` is the field type, its `out_type` differs where it is gated.

    Raises:
        SymmetryError: other fields.

    Examples:
        >>> from steergan.symmetry import fourier_representation, gspace, regular_type
        >>> type(activation(regular_type(gspace("D4"), 2))).__name__
        'Pointwise'
        >>> space = gspace("SO2")
        >>> type(activation(FieldType(space, [fourier_representation(space, 2)]))).__name__
        'FourierPointwise'
    """
    if all(is_permutation(r) for r in set(field_type.representations)):
        return Pointwise(field_type, function, slope)
    space, found = field_type.gspace, set(field_type.representations)
    (field, *others) = found
    if not others and fourier_frequency(space, field) is not None:
        return FourierPointwise(field_type, FOURIER_FUNCTION)
    if not others and gated_frequency(space, field) is not None:
        return Gated(field_type)
    raise SymmetryError(
        f"no nonlinearity suits fields of {field_type}: on irreps a pointwise one is not equivariant; "
        "use regular fields of a finite group, or fourier_representation or gated_representation of SO2 or O2"
    )
