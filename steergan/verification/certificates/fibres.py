"""Certificates of layers that mix the channels of a field by fixed matrices: those of Fourier fields, and any irreps.

They look at one pixel at a time (and at means over all of them), so what is to be shown is about matrices alone. It is
exact where the matrices are of integers, and else holds up to the number that is given.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from escnn import nn as enn
from escnn.group import Representation
from escnn.gspaces import GSpace2D
from escnn.nn import FieldType
from numpy.typing import NDArray
from torch import Tensor

from steergan.layers import (
    ConditionalBatchNorm,
    FieldBatchNorm,
    FieldInstanceNorm,
    FieldLayerNorm,
    FourierPointwise,
    Gated,
    InvariantMap,
    Restriction,
)
from steergan.layers.field_moments import FieldMoments
from steergan.layers.fields import field_kinds
from steergan.verification.certificates.bases import rounded_matrix
from steergan.verification.elements import NAMES, Matrix, fiber_matrix
from steergan.verification.records import Finding, exact, unknown
from steergan.verification.registry import Situation, certifies

SINGLE = 2.0**-20
"""How far matrices that a layer keeps in float32 may be from commuting with the group."""

Array = NDArray[np.float64]


@certifies(FourierPointwise)
def fourier_pointwise(layer: FourierPointwise, at: Situation) -> Iterator[Finding]:
    """Every element permutes the samples, and the way back undoes it."""
    sampling, projection = as_array(layer.sampling), as_array(layer.projection)
    field = one_representation(layer.in_type)
    if field is None or sampling.shape[1] != field.size:
        yield unknown("samples of one Fourier representation were wanted")
        return
    worst = Worst()
    for matrix in at.elements:
        rho = rounded_matrix(field_matrix(layer.in_type.gspace, field, matrix))
        moved = sampling @ rho
        source = np.abs(moved[:, None] - sampling[None]).max(2).argmin(1)
        if len(set(source.tolist())) < len(source):
            yield broken_by(1.0, "the samples have to be permuted", f"under {NAMES[matrix]} two samples become one")
            return
        worst.see(np.abs(moved - sampling[source]).max(), matrix)
        # (Pi v)[n] = v[source[n]]: the projection of permuted values is the field, acted on.
        worst.see(np.abs(projection @ np.eye(len(source))[source] - rho @ projection).max(), matrix)
    yield worst.finding(f"{len(sampling)} samples of every field, which the elements permute, and the way back")


@certifies(Gated)
def gated(layer: Gated, at: Situation) -> Iterator[Finding]:
    """A field behind its gate moves as it does alone, and the gate does not move."""
    field, out = one_representation(layer.in_type), one_representation(layer.out_type)
    if field is None or out is None or len(layer.in_type) != len(layer.out_type) or field.size != out.size + 1:
        yield unknown("as many fields, without their gates, were wanted")
        return
    worst = Worst()
    for matrix in at.elements:
        alone = np.eye(field.size)
        alone[1:, 1:] = field_matrix(layer.out_type.gspace, out, matrix)
        worst.see(np.abs(field_matrix(layer.in_type.gspace, field, matrix) - alone).max(), matrix)
    yield worst.finding("every field times a function of its gate, which no element moves")


@certifies(InvariantMap)
def invariant_map(layer: InvariantMap, at: Situation) -> Iterator[Finding]:
    """In the basis of irreps every element is orthogonal within each, and 1 on the trivial ones."""
    kinds = field_kinds(layer.in_type)
    rebuilt = InvariantMap(layer.in_type)
    if len(kinds) != len(layer.parts) or not same_buffers(layer, rebuilt):
        yield unknown("the tables that sort channels are not those of the field type")
        return
    worst = Worst()
    for kind, part in zip(kinds, layer.parts, strict=True):
        members, trivial = as_array(part.members), np.asarray(part.trivial)[:, 0]  # type: ignore[arg-type]
        change = np.eye(kind.representation.size) if part.to_irreps is None else as_array(part.to_irreps)  # type: ignore[arg-type]
        same = (members.T @ members) > 0.5
        for matrix in at.elements:
            rho = rounded_matrix(field_matrix(layer.in_type.gspace, kind.representation, matrix))
            inside = change @ rho @ np.linalg.inv(change)
            worst.see(np.abs(np.where(same, 0, inside)).max(), matrix)
            worst.see(np.abs(inside @ inside.T - np.eye(len(inside))).max(), matrix)
            worst.see(np.abs(members[trivial] @ inside - members[trivial]).max(initial=0.0), matrix)
    yield worst.finding("a function of the length of every irrep, and of trivial irreps themselves")


@certifies(Restriction)
def restriction(layer: Restriction, at: Situation) -> Iterator[Finding]:
    """The channels move alike under both types."""
    if len(layer.in_type) != len(layer.out_type):
        yield unknown("as many fields under the subgroup were wanted")
        return
    worst = Worst()
    for field, part in set(zip(layer.in_type.representations, layer.out_type.representations, strict=True)):
        for matrix in at.elements:
            before = field_matrix(layer.in_type.gspace, field, matrix)
            after = field_matrix(layer.out_type.gspace, part, matrix)
            same = before.shape == after.shape
            worst.see(np.abs(before - after).max() if same else 1.0, matrix)
    yield worst.finding("every element moves the channels alike under both field types")


def moments(
    layer: FieldBatchNorm | ConditionalBatchNorm | FieldInstanceNorm | FieldLayerNorm, at: Situation
) -> Iterator[Finding]:
    """Norms of fields that are no permutations: what is subtracted and added is left alone by every element.

    A layer norm subtracts along the same directions one number times `lengths`, which every element leaves, too.
    """
    norm = layer.norm if isinstance(layer, ConditionalBatchNorm) else layer
    assert norm.moments is not None
    if not same_buffers(norm.moments, FieldMoments(norm.in_type)):
        yield unknown("the tables that sort channels are not those of the field type")
        return
    worst = Worst()
    for number, kind in enumerate(field_kinds(norm.in_type)):
        basis = as_array(norm.moments.get_buffer(f"basis{number}"))
        worst.see(np.abs(basis.T @ basis - np.eye(basis.shape[1])).max(initial=0.0), at.elements[0])
        for matrix in at.elements:
            rho = rounded_matrix(field_matrix(norm.in_type.gspace, kind.representation, matrix))
            worst.see(np.abs(rho @ basis - basis).max(initial=0.0), matrix)
            worst.see(np.abs(rho @ rho.T - np.eye(len(rho))).max(), matrix)
    yield worst.finding("one scale per field, mean and shift along what no element moves")


@certifies(enn.IIDBatchNorm2d)
def iid_norm(layer: enn.IIDBatchNorm2d, at: Situation) -> Iterator[Finding]:
    """The batch norm of escnn for any fields, s (v - m) + Q b with one s per field.

    Every element is orthogonal, leaves the columns of Q alone, and has P rho = rho P = P. In training m = P mean(v):
    the mean of what an element made of v is rho mean(v), of which P makes the same m; and s is made of the mean over a
    field's channels of their variances, the trace of the covariance, which an orthogonal matrix leaves as it is. In
    evaluation m is at hand, and has to be left alone itself; training adds only such to it.
    """
    rebuilt = enn.IIDBatchNorm2d(layer.in_type, affine=layer.affine, track_running_stats=layer.track_running_stats)
    tables = ("_contiguous", "_sizes", "_has_trivial", "_nfields")
    names = [f"{layer._escape_name(name)}_indices" for name, _ in layer._sizes if layer._contiguous[name]]
    same = all(vars(layer)[name] == vars(rebuilt).get(name) for name in (*tables, *names))
    if not same or not same_buffers(layer, rebuilt, but=("_running_mean", "_running_var", "num_batches_tracked")):
        yield unknown("the tables that sort channels are not those of the field type")
        return
    worst, tracked = Worst(), layer.track_running_stats and not layer.training
    for field in set(layer.in_type.representations):
        name = layer._escape_name(field.name)
        buffers = dict(layer.named_buffers())
        for matrix in at.elements:
            rho = rounded_matrix(field_matrix(layer.in_type.gspace, field, matrix))
            worst.see(np.abs(rho @ rho.T - np.eye(len(rho))).max(), matrix)
            if not layer._has_trivial[field.name]:
                continue
            projection, trivial = as_array(buffers[f"{name}_avg"]), as_array(buffers[f"{name}_change_of_basis"])
            worst.see(np.abs(rho @ projection - projection).max(), matrix)
            worst.see(np.abs(projection @ rho - projection).max(), matrix)
            worst.see(np.abs(rho @ trivial - trivial).max(), matrix)
            means = as_array(buffers[f"{name}_running_mean"])
            if tracked:
                worst.see(np.abs(means @ rho.T - means).max() / max(1e-30, np.abs(means).max()), matrix)
    found = worst.finding("one scale per field; what is subtracted and added is what no element moves")
    yield replace(found, scope="these weights") if tracked and any(layer._has_trivial.values()) else found


# --- matrices


class Worst:
    """The largest violation so far, and under which element."""

    def __init__(self) -> None:
        self.violation, self.where = 0.0, ""

    def see(self, violation: float, matrix: Matrix) -> None:
        """One more; NaN is the worst of all."""
        if not violation <= self.violation:
            self.violation, self.where = float(violation), f"under {NAMES[matrix]}"

    def finding(self, argument: str) -> Finding:
        """What has come out."""
        if self.violation == 0:
            return exact(argument)
        if self.violation < SINGLE:
            return Finding("bounded", "holds", f"{argument}; matrices are kept in float32", self.violation)
        return broken_by(self.violation, argument, f"{self.where}, off by {self.violation:.2g}")


def broken_by(violation: float, argument: str, witness: str) -> Finding:
    """Refuted, by so much."""
    return Finding("bounded", "broken", argument, violation, witness)


def as_array(tensor: Tensor) -> Array:
    """A tensor's numbers in float64."""
    return np.asarray(tensor.detach().cpu().double())


def field_matrix(space: GSpace2D, representation: Representation, matrix: Matrix) -> Array:
    """rho(g) of one field."""
    return fiber_matrix(FieldType(space, [representation]), matrix)


def one_representation(field_type: FieldType) -> Representation | None:
    """The representation of all fields; None if they differ."""
    found = set(field_type.representations)
    return next(iter(found)) if len(found) == 1 else None


def same_buffers(found: torch.nn.Module, wanted: torch.nn.Module, but: tuple[str, ...] = ()) -> bool:
    """Whether two modules keep the same numbers, to the precision of the found one's; `but` for names that end so."""
    ours, theirs = (
        {name: tensor for name, tensor in module.named_buffers() if not (but and name.endswith(but))}
        for module in (found, wanted)
    )
    return ours.keys() == theirs.keys() and all(
        tensor.shape == theirs[name].shape and torch.allclose(tensor.cpu().double(), theirs[name].double(), atol=1e-6)
        for name, tensor in ours.items()
    )
