"""What the compiled kernels work with, read out of them in integers: an algebra of a group, and tables of taps.

The bank of regular fields is K[a, b](x) = w[a^-1 b](a^-1 x). It is the convolution on the group
y[a] = sum_u f[u] x[a u] of what the tables of taps gather; the algebra computes that convolution by products of
coefficients, f~ = F f, x~ = S x, y = B (f~ * x~) / |G|.
"""

from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from steergan.kernels import interface, library
from steergan.symmetry import group_order, gspace

IntArray = NDArray[np.int64]

LARGEST_ENTRY = 2.0**10
"""Of an algebra's coefficients, so that their products are exact."""


@cache
def group_table(group: str) -> IntArray:
    """[a, u] -> the number of the element a u, in the order of a regular field's channels."""
    elements = gspace(group).fibergroup.elements
    return np.array([[elements.index(a @ u) for u in elements] for a in elements], dtype=np.int64)


def algebra_fault(group: str) -> str:
    """What is wrong with the algebra that the loaded binary says it computes with; empty if nothing is.

    It is trilinear in x, f and y, so that all triples of basis vectors decide.
    """
    found = library.native()
    assert found is not None
    order = group_order(gspace(group))
    sizes = np.zeros(4, dtype=np.int32)
    number, none = interface.ALGEBRAS[group], (None,) * 4
    if found.functions.steergan_algebra(number, sizes.ctypes.data, *none):
        return f"the binary knows no algebra of {group}"
    signals, filters, outputs, count = sizes.tolist()
    signal, filtered, back = np.zeros((signals, order)), np.zeros((filters, order)), np.zeros((order, outputs))
    products = np.zeros((count, 3), dtype=np.int32)
    arrays = (signal, filtered, back, products)
    found.functions.steergan_algebra(number, sizes.ctypes.data, *(array.ctypes.data for array in arrays))
    for array in arrays[:3]:
        if not (np.abs(array) <= LARGEST_ENTRY).all() or (array != array.round()).any():
            return f"coefficients of {group} that are no small integers"
    if (products < 0).any() or (products >= (outputs, signals, filters)).any():
        return f"a product of {group} with a coefficient that is not there"
    out, into, of = products.T
    whole = [array.astype(np.int64) for array in (back[:, out], signal[into], filtered[of])]
    computed = np.einsum("ap,ps,pu->asu", *whole)
    wanted = order * (np.arange(order)[:, None] == group_table(group)[:, None, :])
    wrong = np.argwhere(computed != wanted)
    return "y[{}] of x = e_{}, f = e_{}".format(*wrong[0].tolist()) if len(wrong) else ""


def bank_of(w: Tensor, group: str) -> Tensor:
    """The bank by which the kernels' tables have steergan::convolve work; NaN where they leave entries out.

    Shapes:
        w (O, C, G, k, k) -> (O * G, C * G, k, k).

    Raises:
        IndexError: a table points outside.
    """
    n_out, n_in, order, k = w.shape[:4]
    image, place = (torch.from_numpy(table).long() for table in interface._tables(group, k))
    bank = w.new_full((n_out, order, n_in, order, k * k), float("nan"))
    filters = w.flatten(2)
    for a, row in enumerate(group_table(group).tolist()):
        for u, b in enumerate(row):
            # f_t[u] = w[u](u t) meets x_t[a u], which is x[a u] seen through the tap (a u) t.
            bank[:, a, :, b].index_copy_(2, image[b], filters[..., place[u]])
    return bank.reshape(n_out * order, n_in * order, k, k)
