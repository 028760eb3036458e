"""Right networks, drawn at random: equivariant by construction, and nothing in them right by accident.

A `Plan` is a few small choices; `build` makes the network of a plan, always the same one. Hypothesis draws plans.
"""

# First, because it silences what escnn warns of at import.
import steergan  # noqa: F401  # isort: skip
import random
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from escnn import nn as enn
from escnn.nn import EquivariantModule
from hypothesis import strategies as st
from torch import Tensor

from steergan.layers import ConditionalBatchNorm, FieldBatchNorm, GroupConvolution
from steergan.randomness import seed_torch
from steergan.symmetry import gspace, is_grid_group, trivial_type
from steergan.verification.subject import twin_of
from tests.verification import pieces

Filters = Literal["gathered", "basis"]

GROUPS: tuple[tuple[str, Filters, bool], ...] = (
    *((group, "gathered", False) for group in ("C4", "D4", "C2", "D1", "D2")),
    ("C8", "basis", False),
    *((group, "basis", True) for group in ("C4", "C8", "D4", "C2", "D1", "D2")),
)
"""Group, kind, and whether the layers are escnn's own."""


@dataclass(frozen=True)
class Plan:
    """What a network shall be. `stock`: of escnn's own layers, with a group convolution of ours here and there."""

    group: str
    stock: bool
    types: tuple[str, ...]
    pieces: tuple[str, ...]
    head: str
    seed: int


@dataclass
class Drawn:
    """A right network and where it is one.

    `module` has `in_type` and `out_type` and maps a geometric tensor (batch 2) and `others`, which are invariant, to a
    geometric tensor. At `sizes` it is exactly equivariant for the elements that permute pixels: to float64's rounding
    if `kind` is "gathered", to that of escnn's float32 bases if "basis". Training mode, float32.
    """

    name: str
    module: Any = field(repr=False)
    sizes: tuple[int, ...]
    others: tuple[Tensor, ...] = field(default=(), repr=False)
    kind: Filters = "gathered"
    errors: dict[int, float] | None = field(default=None, init=False, repr=False)
    """By size, once they have been measured: `breaking.errors_of`."""


def unlike_moments(norm: Any) -> None:
    """Means and variances of which no two are alike."""
    norm.running_mean.normal_()
    norm.running_var.uniform_(0.4, 2.5)


def live_a_little(module: torch.nn.Module) -> None:
    """Biases, moments and affine parameters as after training: no two alike, so that nothing is right by accident."""
    with torch.no_grad():
        for layer in module.modules():
            if isinstance(layer, FieldBatchNorm | torch.nn.modules.batchnorm._BatchNorm):
                unlike_moments(layer)
                if layer.weight is not None:
                    layer.weight.uniform_(0.5, 1.5)
                    layer.bias.normal_(std=0.4)
            elif isinstance(layer, enn.IIDBatchNorm2d):
                live_a_little_iid(layer)
            elif isinstance(layer, GroupConvolution | enn.R2Conv | enn.R2ConvTransposed) and layer.bias is not None:
                layer.bias.normal_(std=0.4)
            elif isinstance(layer, enn.NormNonLinearity) and layer.log_bias is not None:
                layer.log_bias.normal_(-1.5, 0.4)


def live_a_little_iid(norm: Any) -> None:
    """The same for escnn's IIDBatchNorm2d, whose means lie in the trivial parts of the fields."""
    parameters, buffers = dict(norm.named_parameters()), dict(norm.named_buffers())
    for name, parameter in parameters.items():
        parameter.uniform_(0.5, 1.5) if name.endswith("_weight") else parameter.normal_(std=0.4)
    for name, buffer in buffers.items():
        if name.endswith("_running_var"):
            buffer.uniform_(0.4, 2.5)
        elif name.endswith("_running_mean"):
            projection = buffers[name.replace("_running_mean", "_avg")]
            buffer.copy_(torch.randn_like(buffer) @ projection.T)


def build(plan: Plan) -> Drawn:
    """The network of a plan. Pieces that do not fit the fields or sizes that they meet are left out."""
    for attempt in range(10):
        drawn = attempted(plan, attempt)
        if is_alive(drawn):
            return drawn
    raise AssertionError(f"{drawn.name}: every attempt gave a constant")


def is_alive(drawn: Drawn) -> bool:
    """Whether the output depends on the input: a constant is equivariant by accident, and its relative error 0 / 0."""
    module, size = drawn.module, drawn.sizes[0]
    stream = torch.Generator().manual_seed(0)
    with torch.no_grad():
        module.eval()
        one, other = (torch.randn(2, module.in_type.size, size, size, generator=stream) for _ in range(2))
        y, z = (module(module.in_type(x), *drawn.others).tensor for x in (one, other))
        module.train()
    return bool((y - z).abs().max() > 1e-2)


def attempted(plan: Plan, attempt: int) -> Drawn:
    rng = random.Random(f"{plan} {attempt}")
    space = gspace(plan.group)
    image = trivial_type(space, rng.randint(1, 2))
    if rng.random() < 0.3:
        image = pieces.hidden_type(space, plan.types[0], rng)
    site = pieces.Site(plan, rng, image)
    with torch.random.fork_rng(devices=[]):
        seed_torch(plan.seed + attempt)
        chain = pieces.stack(site)
        for name in plan.pieces:
            chain += pieces.PIECES[name](site)
            site.type = chain[-1].out_type
        chain += pieces.head(site)
        module: torch.nn.Module = pieces.Chain(image, chain)
        if plan.stock and all(isinstance(layer, EquivariantModule) for layer in chain) and rng.random() < 0.6:
            module = enn.SequentialModule(*chain)
        live_a_little(module)
        conditioned = any(isinstance(m, ConditionalBatchNorm) for m in module.modules())
        others = (torch.randn(2, pieces.CONDITIONING),) if conditioned else ()
    sizes = [[s for s in site.sizes if s % 2 == odd] for odd in (0, 1)]
    kind: Filters = "basis" if plan.stock or not is_grid_group(space) else "gathered"
    # A copy, because escnn's layers of equal types share one basis, across networks too.
    module = twin_of(module).float().train()
    return Drawn(named(plan), module, tuple(rng.choice(s) for s in sizes if s), others, kind)


def named(plan: Plan) -> str:
    whose = "escnn's" if plan.stock else "ours"
    return f"{plan.group}, {whose}, {'/'.join(plan.types)}: {', '.join(plan.pieces)}, {plan.head} #{plan.seed}"


@st.composite
def plans(
    draw: st.DrawFn, kind: Filters | None = None, groups: tuple[str, ...] = (), without: tuple[str, ...] = ()
) -> Plan:
    """Plans for networks of one kind or both, of these groups or all; `without` names pieces and heads not wanted."""
    found = [found for found in GROUPS if (not groups or found[0] in groups) and kind in (None, found[1])]
    group, _, stock = draw(st.sampled_from(found))
    possible = [name for name in pieces.pieces_of(stock) if name not in without]
    heads = [name for name in pieces.HEADS if name not in without and (stock or name != "gated")]
    return Plan(
        group,
        stock,
        tuple(draw(st.lists(st.sampled_from(pieces.TYPES), min_size=1, max_size=2, unique=True))),
        tuple(draw(st.lists(st.sampled_from(possible), max_size=3))),
        draw(st.sampled_from(heads)),
        draw(st.integers(0, 999)),
    )


def networks(
    kind: Filters | None = None, groups: tuple[str, ...] = (), without: tuple[str, ...] = ()
) -> st.SearchStrategy[Drawn]:
    """Right networks; the arguments are those of `plans`."""
    return plans(kind, groups, without).map(build)
