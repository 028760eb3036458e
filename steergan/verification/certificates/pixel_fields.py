"""Certificates of channels taken for regular fields of the pixel group: the layer's own code, on unit impulses.

With E the way there and B the way back: E rho(h) = R(h) E with R the regular representation, B = E^T and B E = 1. A
bank K that commutes with the pixel group becomes E_out K E_in^T between regular fields. This commutes with R, so that
it is the bank of its identity rows, by which the kernels work, and what they compute is K.
"""

import torch
from torch import Tensor

from steergan.layers import GroupConvolution
from steergan.layers.filters.path import FourierFields
from steergan.symmetry import gspace, plane_matrices
from steergan.verification.certificates.bases import rounded_matrix
from steergan.verification.elements import NAMES, Matrix, fiber_matrix
from steergan.verification.laws.kernel_tables import bank_of, group_table

CHANGE_ROUNDING = 2.0**-40
"""Largest entry of E rho(h) - R(h) E and the like that rounding in float64 explains; entries are at most 1."""


@torch.no_grad()
def change_finding(layer: GroupConvolution, fields: FourierFields) -> tuple[str, float]:
    """What is wrong with E and B before and behind a layer, empty if nothing is, and the largest violation."""
    worst = 0.0
    for where, field_type, part in (("in", layer.in_type, fields.into), ("out", layer.out_type, fields.out)):
        size = part.count * len(group_table(part.group))
        there = part.to_regular(torch.eye(field_type.size, dtype=torch.float64)[..., None, None]).flatten(1).mT
        back = part.from_regular(torch.eye(size, dtype=torch.float64)[..., None, None]).flatten(1).mT
        if there.shape != (size, field_type.size) or back.shape != there.mT.shape:
            return f"{where} channels: {tuple(there.shape)} is not the shape of a way to {size} channels", 1.0
        faults = {
            "the way back is not the transpose": back - there.mT,
            "there and back is not where it began": back @ there - torch.eye(field_type.size, dtype=torch.float64),
        }
        for number, matrix in generators(part.group).items():
            rho = torch.from_numpy(rounded_matrix(fiber_matrix(field_type, matrix)))
            acted = torch.empty_like(there).view(part.count, -1, field_type.size)
            acted[:, group_table(part.group)[number]] = there.view_as(acted)  # h takes the channel of u to that of h u
            faults[f"does not commute with {NAMES[matrix]}"] = there @ rho - acted.view_as(there)
        allowed = CHANGE_ROUNDING if part.matrix is not None else 0.0
        for fault, entries in faults.items():
            worst = max(worst, float(entries.abs().max()))
            if not float(entries.abs().max()) <= allowed:
                return f"{where} channels: {fault}", worst
    return "", worst


def generators(group: str) -> dict[int, Matrix]:
    """Elements whose products are the group, by their numbers there: with them, every other one commutes."""
    fibers = gspace(group).fibergroup
    numbers = [fibers.elements.index(element) for element in fibers.generators]
    matrices = plane_matrices(gspace(group)).round().astype(int).reshape(-1, 4).tolist()
    return {number: tuple(matrices[number]) for number in numbers}


@torch.no_grad()
def bank_of_form(weight: Tensor, fields: FourierFields) -> Tensor:
    """The bank B K' E between the channels, (C_out, C_in, k, k), by which the Fourier form works with these filters."""
    between = bank_of(weight, fields.into.group)
    return fields.out.from_regular(fields.into.from_regular(between).transpose(0, 1)).transpose(0, 1)


def difference(layer: GroupConvolution, fields: FourierFields) -> float:
    """The form's bank less the layer's, as operators in the largest norm (row sums), relative to the layer's.

    Args:
        layer: in float64 and evaluation mode.
        fields: the layer's.
    """
    with torch.no_grad():
        bank = layer.normed_filter()
        found = bank_of_form(layer.fourier_filter(), fields).flatten(1)
        if found.shape != bank.shape:
            return float("inf")
        return float((found - bank).abs().sum(1).max() / bank.abs().sum(1).max())
