"""Laws of matrix products of two tensors that may both turn: scores of queries and keys, sums of weighted values.

out[b, i, j] = sum_k x[b, i, k] y[b, k, j]. Let an element move the entries of each operand along its axes, by one
permutation t of the matrices b, and in each matrix one of the rows and one of the columns, up to sign:

    x(g)[b, i, k] = r[b, i] s[b, k] x[t b, p[b, i], q[b, k]],  y(g)[b, k, j] = s[b, k] c[b, j] y[t b, q[b, k], u[b, j]].

If q and s are the same in both, and q[b, .] a permutation, the sum over k is that over q[b, k], in another order, and
s squared is 1:

    out(g)[b, i, j] = r[b, i] c[b, j] out[t b, p[b, i], u[b, j]].

So scores over whole fields are a two-point function, in which g moves either pixel; softmax over all pixels leaves them
one; and their product with a moved map is a moved map. Over part of a field q leads out of the tensor. Weights that
stay where they are are the case of t, q and u that do nothing.

Where no such permutations are found, a sum is the multiset of its pairs (x, y), if these are few.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from steergan.verification.elements import Matrix
from steergan.verification.laws.calculus import TOO_LARGE, combined, first_places, pointwise, rearranged, viewed
from steergan.verification.laws.law import LARGEST, Fields, Fixed, Law, Lost, Turning, distinct, written_out
from steergan.verification.laws.matching import scaled
from steergan.verification.laws.matrices import Coefficients, by_matrix
from steergan.verification.laws.multisets import gathered
from steergan.verification.laws.norms import softmax_of
from steergan.verification.laws.operations import Operation

PAIRS = 4_000_000
"""Pairs times elements up to which a sum is followed as the multiset of its pairs."""

MOVES = "a dense layer or matrix product ({}) of entries that the group still moves"


def product(call: Operation) -> Law:
    """mm, bmm, mv, dot, and with a summand addmm, baddbmm, addmv."""
    added = call.name in ("addmm", "baddbmm", "addmv")
    x, y = call.args[1:3] if added else call.args[:2]
    by = _as_matrix(call, x, y)
    if by is not None:
        found = by_matrix(call, *by, call.args[0] if added else None)
        if not isinstance(found, Lost):
            return found
    out = product_of((call.law_of(x), x.shape), (call.law_of(y), y.shape), call.elements, call.name)
    if not added or isinstance(out, Lost):
        return out
    summand = call.args[0]
    shapes = [summand.shape, call.out.shape]
    return combined([call.law_of(summand), viewed(out, call.out.shape)], shapes, call.out.shape, "sum", call.elements)


def _as_matrix(call: Operation, x: Tensor, y: Tensor) -> tuple[Turning, Coefficients] | None:
    """The one operand that turns, by the columns that a matrix meets, and the other one as that matrix."""
    laws = [call.written_out(x), call.written_out(y)]
    shapes = [torch.Size([1] * (3 - t.dim()) + [*t.shape]) for t in (x, y)]
    if y.dim() == 1:
        shapes[1] = torch.Size([1, *y.shape, 1])
    left, right = laws
    if isinstance(left, Fixed) and isinstance(right, Turning):
        columns = replace(right, ids=right.ids.reshape(shapes[1]).mT)
        return columns, Coefficients(True, [x], left.ids.reshape(shapes[0]), scaled(x.double()).reshape(shapes[0]))
    if isinstance(left, Turning) and isinstance(right, Fixed):
        columns = replace(left, ids=left.ids.reshape(shapes[0]))
        values = scaled(y.double()).reshape(shapes[1])
        return columns, Coefficients(False, [y], right.ids.reshape(shapes[1]).mT, values.mT)
    return None


LawAndShape = tuple[Law, torch.Size]


def product_of(x: LawAndShape, y: LawAndShape, elements: tuple[Matrix, ...], name: str) -> Law:
    """The law of x @ y, of matrices (..., I, K) and (..., K, J), or of vectors on either side."""
    rows = x[1] if len(x[1]) > 1 else torch.Size([1, *x[1]])
    columns = y[1] if len(y[1]) > 1 else torch.Size([*y[1], 1])
    count = rows[:-2].numel()
    shapes = torch.Size([count, *rows[-2:]]), torch.Size([count, *columns[-2:]])
    out_shape = torch.Size([*rows[:-2], *x[1][-2:-1], *(y[1][-1:] if len(y[1]) > 1 else ())])
    tables: list[Fixed | Turning] = []
    for (law, shape), matrices in zip((x, y), shapes, strict=True):
        table = written_out(law, shape, elements) if isinstance(law, Fields) else law
        if isinstance(table, Lost):
            return table
        found = viewed(table, matrices)
        assert isinstance(found, Fixed | Turning)
        tables.append(found)
    left, right = tables
    if isinstance(left, Fixed) and isinstance(right, Fixed):
        return viewed(_constant(left.ids, right.ids), out_shape)
    out = _moved(left, right, len(elements)) or _pairs(left, right, elements) or Lost(MOVES.format(name))
    return viewed(out, out_shape)


def _constant(x: Tensor, y: Tensor) -> Law:
    """Of what stays where it is: equal rows and equal columns make equal entries."""
    shape = torch.Size([*x.shape[:2], y.shape[2]])
    if max(x.numel(), y.numel(), shape.numel()) > PAIRS:
        return Fixed(distinct(shape))
    rows, columns = (
        torch.unique(ids.reshape(-1, x.shape[2]), dim=0, return_inverse=True)[1].view(ids.shape[:2])
        for ids in (x, y.mT)
    )
    return Fixed(rows[:, :, None] * (int(columns.max()) + 1) + columns[:, None, :])


@dataclass(frozen=True)
class Moved:
    """How an element moves matrices v: v(g)[b, r, c] = sign[b, r, c] v[matrices[b], rows[b, r], columns[b, c]].

    All int64.
    """

    matrices: Tensor
    rows: Tensor
    columns: Tensor
    sign: Tensor

    def holds_of(self, law: Fixed | Turning, e: int) -> bool:
        """Whether the law says so, entry by entry."""
        image = law.index[e][law.ids] if isinstance(law, Turning) else law.ids
        found = law.ids[self.matrices[:, None, None], self.rows[:, :, None], self.columns[:, None, :]]
        return torch.equal(found, image)


def _candidate(law: Fixed | Turning, first: Tensor | None, e: int) -> Moved | None:
    """The only way in which an element can move the matrices, read off their first rows and columns.

    None where an entry of these goes where the tensor has none.
    """
    count, rows, columns = law.ids.shape
    if not isinstance(law, Turning) or first is None:
        identity = [torch.arange(n) for n in (count, rows, columns)]
        each = [axis.expand(count, -1) for axis in identity[1:]]
        return Moved(identity[0], each[0], each[1], torch.ones_like(law.ids))
    came_from = first[law.index[e][law.ids]]
    if bool((came_from[:, 0] < 0).any()) or bool((came_from[:, :, 0] < 0).any()):
        return None
    return Moved(
        came_from[:, 0, 0] // (rows * columns),
        came_from[:, :, 0] // columns % rows,
        came_from[:, 0, :] % columns,
        law.sign[e][law.ids],
    )


def _agreed(x: Fixed | Turning, y: Fixed | Turning, moved: list[Moved], e: int) -> list[Moved] | None:
    """The same, with one permutation of matrices and of what is summed over in both operands; None if there is none.

    What is twice in a tensor (the same keys for several heads) can be said to come from either place, and constants
    that are equal from any: then the other operand's permutations may hold too.
    """
    one, other = moved
    tries = (
        [one, Moved(one.matrices, one.columns, other.columns, other.sign)],
        [Moved(other.matrices, one.rows, other.rows, one.sign), other],
    )
    whole = torch.arange(x.ids.shape[2])
    for pair in tries:
        # What is summed over has to be permuted: of entries that are equal two may be said to come from one place.
        permuted = bool((pair[1].rows.sort(1)[0] == whole).all())
        if permuted and pair[0].holds_of(x, e) and pair[1].holds_of(y, e):
            return pair
    return None


def _moved(x: Fixed | Turning, y: Fixed | Turning, count: int) -> Law | None:
    """The law of the product by the equations above; None where they do not hold."""
    shape = torch.Size([*x.ids.shape[:2], y.ids.shape[2]])
    if shape.numel() * count > LARGEST:
        return Lost(TOO_LARGE)
    firsts = [first_places(law) if isinstance(law, Turning) else None for law in (x, y)]
    index, sign = [], []
    for e in range(count):
        candidates = [_candidate(law, first, e) for law, first in zip((x, y), firsts, strict=True)]
        if None in candidates:
            return None
        agreed = _agreed(x, y, candidates, e)  # type: ignore[arg-type]
        if agreed is None:
            return None
        one, other = agreed
        # x's sign is r[b, i] s[b, k] if its ratio to the first row's is the same for all k; y's likewise. Then s, up to
        # a factor for each b, is the first row of x's and the first column of y's, and has to be one and the same.
        s_x, s_y = one.sign[:, :1], other.sign[:, :, :1]
        r, c = one.sign[:, :, :1] * s_x[..., :1], other.sign[:, :1] * s_y[:, :1]
        factor = s_x[:, 0, :1] * s_y[:, :1, 0]
        if (
            not torch.equal(one.sign, r * s_x)
            or not torch.equal(other.sign, c * s_y)
            or not torch.equal(s_x[:, 0], s_y[..., 0] * factor)
        ):
            return None
        places = one.matrices[:, None, None] * shape[1] + one.rows[:, :, None]
        index.append((places * shape[2] + other.columns[:, None, :]).flatten())
        sign.append((r * c * factor[..., None]).flatten())
    return Turning(distinct(shape), torch.stack(index), torch.stack(sign))


def _pairs(x: Fixed | Turning, y: Fixed | Turning, elements: tuple[Matrix, ...]) -> Law | None:
    """The law of the product as multisets of pairs; None where they are many, and where they would lead nowhere.

    With weights that are all different, pairs can only be those of another entry if the equations above hold; and from
    part of a field the elements lead out of the tensor, before and after.
    """
    (count, rows, inner), columns = x.ids.shape, y.ids.shape[2]
    shape = torch.Size([count, rows, columns, inner])
    if shape.numel() * (len(elements) + 1) > PAIRS:
        return None
    for law in (x, y):
        if isinstance(law, Turning) and bool((first_places(law)[law.index[:, law.ids]] < 0).any()):
            return None
        if isinstance(law, Fixed) and len(law.ids[0].unique()) == law.ids[0].numel():
            return None
    shapes = torch.Size([count, rows, 1, inner]), torch.Size([count, 1, columns, inner])
    laws = [viewed(law, s) for law, s in zip((x, replace(y, ids=y.ids.mT)), shapes, strict=True)]
    pairs = combined(laws, shapes, shape, "product", elements)
    sets = torch.arange(shape.numel()).view(-1, inner)
    out = gathered(pairs, shape, sets, shape[:-1], "odd", len(elements))
    return None if isinstance(out, Lost) else out


def distances(call: Operation) -> Law:
    """||x[i] - y[j]||: a function of the pairs (x, y) whose products are summed, and even in both of a pair at once."""
    x, y = call.args[:2]
    columns = rearranged(call.law_of(y), y.shape, lambda ids: ids.mT, call.elements)
    return pointwise(product_of((call.law_of(x), x.shape), (columns, y.mT.shape), call.elements, call.name), "general")


def attention(call: Operation) -> tuple[Law, ...]:
    """softmax(q k^T + bias) v, as torch computes it in one operator: its three steps."""
    q, k, v = call.args[:3]
    bias, out = call.kwargs.get("attn_mask"), call.out[0]
    dropout, causal = call.arg(3, "dropout_p", 0.0), call.arg(4, "is_causal", False)
    if causal or dropout:
        way = "each position looks at those before it" if causal else "dropout of scores"
        return (Lost(f"attention in which {way}"),) * len(call.out)
    shape = torch.Size([*q.shape[:-1], k.shape[-2]])
    keys = rearranged(call.law_of(k), k.shape, lambda ids: ids.mT, call.elements)
    scores = product_of((call.law_of(q), q.shape), (keys, k.mT.shape), call.elements, call.name)
    if bias is not None and not isinstance(scores, Lost):
        scores = combined([scores, call.law_of(bias)], [shape, bias.shape], shape, "sum", call.elements)
    weights = softmax_of(scores, shape, -1, call.elements)
    law = product_of((weights, shape), (call.law_of(v), v.shape), call.elements, call.name)
    return viewed(law, out.shape), Lost("a sum over scores")
