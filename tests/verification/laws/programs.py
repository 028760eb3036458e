"""Programs of tensor operations, and brute force that holds their laws against numbers."""

from collections.abc import Callable, Iterable

import torch
import torch.nn.functional as F
from escnn.nn import FieldType
from torch import Tensor

from steergan.symmetry import gspace, regular_type
from steergan.verification.elements import NAMES, Matrix, grid_elements, transform
from steergan.verification.laws.law import Fields, Fixed, Law, Lost, Turning, settled, written_out
from steergan.verification.laws.leaks import LeakWatch
from steergan.verification.laws.tracking import Tracking
from tests.verification.attention import attended, by_column, by_distance, fused, largest

SPACES = {name: gspace(name) for name in ("C2", "C4", "D4")}


def field_type(group: str, kind: str) -> FieldType:
    space = SPACES[group]
    if kind == "regular":
        return regular_type(space, 1)
    if kind == "signs":
        return FieldType(space, [r for r in space.fibergroup.irreps() if r.size == 1][:2])
    return FieldType(space, [space.regular_repr, space.trivial_repr])


def elements_of(group: str) -> tuple[Matrix, ...]:
    return tuple(grid_elements(SPACES[group]))


def assert_law(
    law: Law, function: Callable[[Tensor], Tensor], in_type: FieldType, elements: tuple[Matrix, ...], side: int = 3
) -> None:
    """What the law says of f(g x) holds: of every entry that has an atom's image among the entries, and its sign."""
    if isinstance(law, Lost):
        return
    for seed in range(2):
        x = torch.randn(2, in_type.size, side, side, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
        plain = function(x)
        table = written_out(law, plain.shape, elements) if isinstance(law, Fields) else law
        assert isinstance(table, Fixed | Turning)
        ids, plain = table.ids.reshape(plain.shape).flatten(), plain.flatten().double()
        fixed = isinstance(table, Fixed)
        count = int(ids.max()) + 1 if isinstance(table, Fixed) else table.index.shape[1]
        atoms = torch.full((count,), torch.nan, dtype=torch.float64)
        atoms[ids] = plain  # an atom that is no entry has no number
        assert close(atoms[ids], plain), "entries with one id are equal"
        for e, matrix in enumerate(elements):
            found = function(transform(x, in_type, matrix)).flatten().double()
            image = ids if isinstance(table, Fixed) else table.index[e][ids]
            sign = torch.ones_like(ids) if isinstance(table, Fixed) else table.sign[e][ids]
            known = torch.isin(image, ids)
            assert not fixed or known.all()
            assert close(found[known], (sign * atoms[image])[known]), NAMES[matrix]


def close(found: Tensor, wanted: Tensor) -> bool:
    """Equal to one part in a million, or to 1e-9."""
    return bool(((found - wanted).abs() <= (1e-6 * wanted.abs()).clamp_min(1e-9)).all())


def law_by_tracking(
    function: Callable[[Tensor], Tensor], in_type: FieldType, elements: tuple[Matrix, ...], side: int = 3
) -> Law:
    """What the dispatcher makes of a program."""
    x = torch.randn(2, in_type.size, side, side, dtype=torch.float64)
    tracking = Tracking(torch.nn.Identity(), elements, set())
    tracking.laws[x] = Fields(in_type)
    with torch.no_grad(), LeakWatch(tracking), tracking:
        out = function(x)
    tracking.paused = True
    return settled(tracking.law_of(out))


def write_middle(x: Tensor) -> Tensor:
    y = x.clone()
    y[..., y.shape[-1] // 2] = 0.0
    return y


def write_view(x: Tensor) -> Tensor:
    y = x.clone()
    y.transpose(-1, -2).mul_(2)
    return y


def add_to_part(x: Tensor) -> Tensor:
    y = x.clone()
    y[:, :1] += x[:, -1:]
    return y


def copy_part(x: Tensor) -> Tensor:
    y = torch.zeros_like(x)
    y[:, :1].copy_(x.flip(1)[:, :1])
    return y


def masked(x: Tensor) -> Tensor:
    y = x.clone()
    y[y < 0] = 0.0
    return y


def another(x: Tensor) -> int:
    """A side that is no multiple of x's."""
    return x.shape[-1] % 3 + 2 if x.shape[-1] != 2 else 3


def taps(x: Tensor) -> tuple[Tensor]:
    """The same symmetric filter for each channel."""
    return (torch.tensor([[1.0, 2, 1], [2, 3, 2], [1, 2, 1]], dtype=x.dtype).expand(x.shape[1], 1, 3, 3),)


def circulant(size: int) -> Tensor:
    """A matrix that commutes with cyclic shifts: no row is another's mirror image."""
    first = torch.arange(1, size + 1, dtype=torch.float64).square()
    return torch.stack([first.roll(n) for n in range(size)])


def by_group(x: Tensor) -> Tensor:
    """Every channel times the group's table of the regular field, each element its own weight."""
    if x.shape[1] != 8:
        return x
    fibers = SPACES["D4"].fibergroup
    elements = fibers.elements
    weights = torch.tensor([[float(elements.index(~a @ b)) ** 1.5 for b in elements] for a in elements]).double()
    return torch.einsum("oi,bihw->bohw", weights, x)


def sampled(x: Tensor) -> Tensor:
    """Samples of waves between channels, a function of them, and back."""
    angles = torch.arange(8, dtype=torch.float64) * torch.pi / 4
    waves = torch.stack([angles.cos(), angles.sin()], 1)
    return torch.einsum("gi,bghw->bihw", waves, torch.einsum("gi,bihw->bghw", waves, x[:, :2]).relu())


def between(x: Tensor) -> Tensor:
    """One channel is taken before a function was applied in place, the others after it."""
    y = x.clone()
    before = y[:, :1].clone()
    y.mul_(2).sigmoid_()
    return torch.cat([before, y[:, 1:]], 1)


def whole_numbers(x: Tensor) -> Tensor:
    """One channel is copied to where fractions are cut off, and put together with the others."""
    y = 3 * x
    first = torch.empty_like(y[:, :1], dtype=torch.int64)
    first.copy_(y[:, :1])
    return torch.cat([first, y[:, 1:]], 1)


def phases(x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The four slices of every second pixel, of an even part of the map."""
    y = x[..., : x.shape[-2] // 2 * 2, : x.shape[-1] // 2 * 2] if min(x.shape[-2:]) > 1 else x.repeat(1, 1, 2, 2)
    return y[..., ::2, ::2], y[..., 1::2, ::2], y[..., ::2, 1::2], y[..., 1::2, 1::2]


def total(parts: Iterable[Tensor]) -> Tensor:
    """Python's sum, which begins with the number 0."""
    out = sum(parts)
    assert isinstance(out, Tensor)
    return out


def sum_of_phases(x: Tensor) -> Tensor:
    a, b, c, d = phases(x)
    return ((a + b) * 0.5 + (c + d) * 0.5) / 3 + (a + c)


STEPS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu,
    "tanh": torch.tanh,
    "abs": torch.abs,
    "square": torch.square,
    "neg": torch.neg,
    "double": lambda x: 2 * x,
    "plus one": lambda x: x + 1,
    "one minus": lambda x: 1 - x,
    "flip rows": lambda x: x.flip(-2),
    "flip both": lambda x: x.flip(-1, -2),
    "transpose": lambda x: x.transpose(-1, -2),
    "quarter turn": lambda x: x.rot90(1, (-2, -1)),
    "roll": lambda x: x.roll(1, -1),
    "roll channels": lambda x: x.roll(1, 1),
    "drop a border": lambda x: x[..., 1:-1, 1:-1] if min(x.shape[-2:]) > 2 else x,
    "first channel": lambda x: x[:, :1],
    "twice": lambda x: torch.cat([x, x], 1),
    "with its mirror": lambda x: torch.cat([x, x.flip(-1)], 1),
    "stacked": lambda x: torch.stack([x, -x], 2).flatten(1, 2),
    "channels apart and together": lambda x: torch.stack(list(x.unbind(1)), 1),
    "channels one by one": lambda x: torch.stack([x[:, c].sigmoid() for c in range(x.shape[1])], 1),
    "channels doubled one by one": lambda x: torch.cat([2 * part for part in x.split(1, 1)], 1),
    "channels, each otherwise": lambda x: torch.stack([c + n for n, c in enumerate(x.unbind(1))], 1),
    "first channel activated": lambda x: torch.cat([x[:, :1].sigmoid(), x[:, 1:]], 1),
    "first channel averaged": lambda x: torch.cat([x[:, :1] * 0 + x[:, :1].mean((2, 3), True), x[:, 1:]], 1),
    "channels and their neighbours": lambda x: torch.cat([x[:, :-1], x[:, 1:]], 1) if x.shape[1] > 1 else x,
    "channels twice, one by one": lambda x: torch.stack([*x.unbind(1), *x.unbind(1)], 1),
    "a channel from before": between,
    "a channel of whole numbers": whole_numbers,
    "samples apart": lambda x: torch.cat([x[1:], x[:1]]),
    "plus its transpose": lambda x: x + x.transpose(-1, -2) if x.shape[-1] == x.shape[-2] else x,
    "plus its half turn": lambda x: x + x.flip(-1, -2),
    "times itself turned": lambda x: x * x.flip(-1, -2),
    "centred": lambda x: x - x.mean((2, 3), keepdim=True),
    "minus channel mean": lambda x: x - x.mean(1, keepdim=True),
    "channel sum": lambda x: x.sum(1, keepdim=True),
    "channel maximum": lambda x: x.amax(1, keepdim=True),
    "channel norm": lambda x: x.square().sum(1, keepdim=True).sqrt(),
    "row means": lambda x: x.mean(3, keepdim=True).expand_as(x),
    "softmax over channels": lambda x: x.softmax(1),
    "softmax over pixels": lambda x: x.flatten(2).softmax(2).view(x.shape),
    "maximum with its mirror": lambda x: torch.maximum(x, x.flip(-1)),
    "where positive": lambda x: torch.where(x > 0, x, 0.1 * x),
    "a ramp": lambda x: x + torch.arange(x.shape[-1], dtype=x.dtype),
    "a symmetric mask": lambda x: x * (torch.arange(x.shape[-1]) * torch.arange(x.shape[-1]).flip(0)).to(x.dtype),
    "padded": lambda x: F.pad(x, (1, 1, 1, 1)) if x.shape[-1] < 5 else x,
    "padded askew": lambda x: F.pad(x, (1, 0, 0, 1)) if x.shape[-1] < 5 else x,
    "windowed": lambda x: F.avg_pool2d(x, 3, 1, 1),
    "maximum of windows": lambda x: F.max_pool2d(x, 3, 1, 1),
    "sum of phases": lambda x: total(phases(x)) / 4,
    "sums of sums of phases": sum_of_phases,
    "maximum of phases": lambda x: torch.maximum(torch.stack(phases(x)[:2]).amax(0), torch.maximum(*phases(x)[2:])),
    "three of four phases": lambda x: total(phases(x)[1:]) + 0.5,
    "all quarter turns": lambda x: total(x.rot90(k, (-2, -1)) for k in range(4)) if x.shape[-1] == x.shape[-2] else x,
    "pooled askew": lambda x: F.avg_pool2d(x, 2, 2, 1) if x.shape[-1] > 2 else x,
    "enlarged": lambda x: F.interpolate(x, scale_factor=2) if x.shape[-1] < 4 else x,
    "clamped": lambda x: x.clamp(-0.5, 0.5),
    "sorted away": lambda x: x.var((2, 3), keepdim=True).expand_as(x),
    "written in the middle": write_middle,
    "written through a view": write_view,
    "added to a part": add_to_part,
    "copied into a part": copy_part,
    "masked": masked,
    "divided": lambda x: x / (1 + x.abs().sum((1, 2, 3), keepdim=True)),
    "reshaped": lambda x: x.reshape(x.shape[0], -1).view(x.shape),
    "samples mixed": lambda x: x.flip(0),
    "minus its batch mean": lambda x: x - x.mean(0, keepdim=True),
    "indexed": lambda x: x[:, torch.arange(x.shape[1]).flip(0)],
    "batch norm": lambda x: F.batch_norm(x, None, None, training=True),
    "mixed by a circulant": lambda x: torch.einsum("oi,bihw->bohw", circulant(x.shape[1]), x),
    "mixed by the group": by_group,
    "sampled and back": sampled,
    "channels summed by a matrix": lambda x: x.movedim(1, 3) @ torch.ones(x.shape[1], 2, dtype=x.dtype),
    "pixels of a row mixed alike": lambda x: x @ (torch.ones(x.shape[3], x.shape[3]) + torch.eye(x.shape[3])).to(x),
    "with a number for each row": lambda x: F.linear(x.movedim(1, 3), torch.ones(2, x.shape[1]).to(x), x.new_ones(2)),
    "products of channels": lambda x: torch.einsum("bihw,bjhw->bijhw", x, x).flatten(1, 2),
    "products of pixels": lambda x: x.flatten(2) @ x.flatten(2).mT if x.shape[1] > 1 else x,
    "a fixed product": lambda x: x * (circulant(3) @ circulant(3))[0, 0],
    "cubed": lambda x: x**3,
    "fourth power": lambda x: x**4,
    "spread over pixels": lambda x: x.std((2, 3), keepdim=True).expand_as(x),
    "sign": torch.sign,
    "floor": torch.floor,
    "lerp": lambda x: torch.lerp(x, x.flip(-1, -2), 0.25),
    "from corner to corner": lambda x: F.interpolate(x, size=another(x), mode="bilinear", align_corners=True),
    "bicubic": lambda x: F.interpolate(x, size=another(x), mode="bicubic"),
    "pooled unevenly": lambda x: F.adaptive_avg_pool2d(x, 2),
    "maximum of uneven windows": lambda x: F.adaptive_max_pool2d(x, 2),
    "spread": lambda x: F.conv_transpose2d(x, *taps(x), stride=2, groups=x.shape[1]) if x.shape[-1] < 4 else x,
    "spread askew": lambda x: F.conv_transpose2d(x, *taps(x), None, 2, 0, 1, x.shape[1], 1) if x.shape[-1] < 4 else x,
    "group norm": lambda x: F.group_norm(x, 1),
    "layer norm": lambda x: F.layer_norm(x, x.shape[2:]),
    "attended": attended,
    "attended by the fused operator": fused,
    "attended by distance": lambda x: attended(x, bias=by_distance),
    "attended by column": lambda x: attended(x, bias=by_column),
    "channels by channels": lambda x: (x.flatten(2) @ x.flatten(2).mT @ x.flatten(2)).view(x.shape) / 9,
    "by weights at hand": lambda x: x.mT @ torch.arange(x.shape[2], dtype=x.dtype).outer(torch.ones(2).to(x)),
    "largest two": lambda x: x.flatten(2).topk(2, 2)[0][..., None] if x[0, 0].numel() > 1 else x,
    "sorted channels": lambda x: x.sort(1)[0],
    # A clone, because torch's median of a tensor that was expanded is wrong.
    "median": lambda x: x.flatten(2).median(2, keepdim=True)[0][..., None].expand_as(x).clone(),
    "kept where largest": lambda x: largest(x, x.abs()),
    "split and swapped": lambda x: torch.cat(x.split([1, x.shape[1] - 1], 1)[::-1], 1) if x.shape[1] > 1 else x,
}

NORMS = {*("softmax over channels", "softmax over pixels", "batch norm", "group norm", "layer norm")}

PRODUCTS = {
    *("attended", "attended by the fused operator", "attended by distance", "attended by column"),
    *("channels by channels", "by weights at hand"),
}

RESAMPLED = {"from corner to corner", "bicubic", "enlarged"}

REDUCTIONS = {
    *("centred", "minus channel mean", "channel sum", "channel maximum", "channel norm", "row means", "sorted away"),
    *("divided", "minus its batch mean", "largest two", "sorted channels", "median", "kept where largest"),
    *("windowed", "maximum of windows", "pooled askew", "pooled unevenly", "maximum of uneven windows"),
    *("spread", "spread askew", "spread over pixels"),
}
"""Those of the steps that gather entries."""


MATRICES = {
    *("mixed by a circulant", "mixed by the group", "sampled and back", "channels summed by a matrix"),
    *("pixels of a row mixed alike", "with a number for each row", "products of channels", "products of pixels"),
    "a fixed product",
}
"""Those that are matrix products."""


def assert_law_of_step(step: Callable[[Tensor], Tensor]) -> None:
    """What the law of one step predicts is what happens, for three kinds of fields, on an odd and an even map."""
    for group, kind in (("D4", "regular"), ("C4", "signs"), ("C2", "mixed")):
        in_type, elements = field_type(group, kind), elements_of(group)
        for side in (3, 4):
            assert_law(law_by_tracking(step, in_type, elements, side), step, in_type, elements, side)
