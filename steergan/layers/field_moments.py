"""Means and variances of fields that are no permutations."""

from collections.abc import Iterator

import numpy as np
import torch
from escnn.group import Representation
from escnn.nn import FieldType
from numpy.typing import NDArray
from torch import Tensor, nn

from steergan.layers.fields import field_kinds


def invariant_directions(representation: Representation) -> NDArray[np.float64]:
    """An orthonormal basis of what the group leaves alone, (size, count), count being the number of trivial irreps."""
    trivial: list[int] = []
    start = 0
    for name in representation.irreps:
        irrep = representation.group.irrep(*name)
        trivial += [start] if irrep.is_trivial() else []
        start += irrep.size
    columns = np.asarray(representation.change_of_basis)[:, trivial]
    if columns.shape[1] == 0 or np.allclose(columns.T @ columns, np.eye(len(trivial)), atol=1e-12):
        return columns
    return np.linalg.qr(columns)[0]


class FieldMoments(nn.Module):
    """Means and variances of fields of any orthogonal representations, and their way back into feature maps.

    Only the invariant part of a field has a mean, over batch and space; its variance is one number, the mean square of
    what is left over batch, space and channels. Anything else would not commute with the group. For a regular field
    these are its mean and variance over batch, space and group, in any basis.

    Args:
        field_type: any field type.

    Attributes:
        directions: invariant directions of all fields, field by field: so many numbers have a mean, or a shift.
        lengths: of every direction, the square root of its field's channels over the directions that the field has.
    """

    order: Tensor
    sizes: Tensor
    lengths: Tensor
    field_of_direction: Tensor

    def __init__(self, field_type: FieldType) -> None:
        super().__init__()
        kinds = field_kinds(field_type)
        self.count, self.mixed, self.fields = len(kinds), len(kinds) > 1, len(field_type)
        bases = [invariant_directions(kind.representation) for kind in kinds]
        self.shapes = [basis.shape for basis in bases]
        width = {field: basis.shape[1] for kind, basis in zip(kinds, bases, strict=True) for field in kind.fields}
        field_of_direction = [field for field in range(len(field_type)) for _ in range(width[field])]
        self.directions = len(field_of_direction)
        kind_of = {field: number for number, kind in enumerate(kinds) for field in kind.fields}
        starts = np.cumsum([0, *(width[field] for field in range(len(field_type)))])
        for number, (kind, basis) in enumerate(zip(kinds, bases, strict=True)):
            own = [int(starts[field]) + i for field in kind.fields for i in range(width[field])]
            self._keep(f"basis{number}", torch.from_numpy(basis.copy()).to(torch.get_default_dtype()))
            self._keep(f"channels{number}", torch.tensor(kind.channels))
            self._keep(f"fields{number}", torch.tensor(kind.fields))
            self._keep(f"directions{number}", torch.tensor(own, dtype=torch.int64))
        self._keep("order", torch.tensor([channel for kind in kinds for channel in kind.channels]).argsort())
        self._keep("sizes", torch.tensor([representation.size for representation in field_type.representations]))
        self._keep("field_of_direction", torch.tensor(field_of_direction, dtype=torch.int64))
        lengths = [(len(bases[n]) / width[f]) ** 0.5 for f, n in sorted(kind_of.items()) for _ in range(width[f])]
        self._keep("lengths", torch.tensor(lengths, dtype=torch.get_default_dtype()))

    def _keep(self, name: str, tensor: Tensor) -> None:
        self.register_buffer(name, tensor, persistent=False)

    def parts(self, x: Tensor) -> Iterator[tuple[int, Tensor, Tensor]]:
        """For each representation its number, its fields (B, F, size, H * W), and their basis (size, directions)."""
        for number in range(self.count):
            part = x.index_select(1, self.get_buffer(f"channels{number}")) if self.mixed else x
            size = self.shapes[number][0]
            yield number, part.unflatten(1, (-1, size)).flatten(3), self.get_buffer(f"basis{number}")

    def measure(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean (directions,) and variance (fields,) of a batch (B, C, H, W)."""
        mean, variance = x.new_zeros(self.directions), x.new_zeros(len(self.sizes))
        for number, part, basis in self.parts(x):
            mean_FD = part.mean((0, 3)) @ basis
            centred = part - (mean_FD @ basis.mT).unsqueeze(2)
            mean = mean.index_copy(0, self.get_buffer(f"directions{number}"), mean_FD.flatten())
            variance = variance.index_copy(0, self.get_buffer(f"fields{number}"), centred.square().mean((0, 2, 3)))
        return mean, variance

    def measure_each(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean (B, directions) and variance (B, fields) of every sample by itself, of (B, C, H, W)."""
        means, variances = [], []
        for _, part, basis in self.parts(x):
            mean_BFD = part.mean(3) @ basis
            centred = part - (mean_BFD @ basis.mT).unsqueeze(3)
            means.append(mean_BFD.flatten(1))
            variances.append(centred.square().mean((2, 3)))
        if not self.mixed:
            return means[0], variances[0]
        directions, fields = (
            torch.cat([self.get_buffer(f"{name}{number}") for number in range(self.count)]).argsort()
            for name in ("directions", "fields")
        )
        return torch.cat(means, dim=1).index_select(1, directions), torch.cat(variances, dim=1).index_select(1, fields)

    def per_field(self, values_ND: Tensor) -> Tensor:
        """Numbers of the invariant directions (N, directions), summed over those of a field: (N, fields)."""
        zeros = values_ND.new_zeros(values_ND.shape[0], self.fields)
        return zeros.index_add(1, self.field_of_direction, values_ND)

    def scaled(self, x: Tensor, scale: Tensor, shift: Tensor | None) -> Tensor:
        """Every field times its scale, plus its shift along the invariant directions.

        Shapes: x (B, C, H, W), scale (B or 1, fields), shift (B or 1, directions) -> (B, C, H, W).
        """
        done = []
        for number, part, basis in self.parts(x):
            factor = scale[:, self.get_buffer(f"fields{number}"), None, None] if self.mixed else scale[..., None, None]
            directions = self.shapes[number][1]
            if shift is None or directions == 0:
                done.append((factor * part).flatten(1, 2))
                continue
            own = shift[:, self.get_buffer(f"directions{number}")] if self.mixed else shift
            offset = own.unflatten(1, (-1, directions)) @ basis.mT
            done.append(torch.addcmul(offset.unsqueeze(3), factor, part).flatten(1, 2))
        joined = torch.cat(done, dim=1).index_select(1, self.order) if self.mixed else done[0]
        return joined.view(x.shape)
