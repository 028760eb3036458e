"""Feature maps that are computed twice and kept once: activation checkpointing for layers with filters and norms."""

from collections.abc import Sequence
from contextlib import ExitStack, nullcontext
from typing import Any

import torch
from escnn.nn import EquivariantModule, GeometricTensor
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from steergan.layers.batch_norm import batch_norms, moments_untouched
from steergan.layers.filters.path import FourierPath
from steergan.layers.plain import Compound
from steergan.layers.shared_filters import FilteredLayer, SharedFilters, filtered_layers


class Recomputation:
    """How a layer's forward is run so that the backward can run it again.

    The second run uses the filters of the first, moves no spectral norm, and leaves no trace in running moments.

    Args:
        layer: any; its parts are listed now.
    """

    def __init__(self, layer: EquivariantModule) -> None:
        self.filtered, self.norms = filtered_layers(layer), batch_norms(layer)

    def __call__(self, layer: EquivariantModule, x: GeometricTensor, *rest: Any) -> GeometricTensor:
        """The output of the layer on x and the rest, none of whose inner maps is kept for the backward."""
        if not torch.is_grad_enabled():
            return layer(x, *rest)
        with SharedFilters(self.filtered):
            for filtered in self.filtered:
                # Outside of what is run again: the filters' graph is kept, being small.
                if isinstance(filtered, FourierPath) and filtered.takes_fourier(x.tensor):
                    filtered.fourier_filter()
                else:
                    filtered.filter_matrix()
            again = Again(self.filtered, self.norms)
            found: GeometricTensor = checkpoint(
                layer, x, *rest, use_reentrant=False, preserve_rng_state=False,
                context_fn=lambda: (nullcontext(), again),
            )  # fmt: skip
        return found


class Again:
    """A context for running layers again: with the filters of now, and norms that learn nothing.

    It can be entered any number of times: R1 runs a layer twice again.
    """

    def __init__(self, layers: Sequence[FilteredLayer], norms: Sequence[Any]) -> None:
        self.layers, self.norms = layers, norms
        self.made = filters_of(layers)

    def __enter__(self) -> None:
        self.stack = ExitStack()
        self.stack.callback(remember, self.layers, filters_of(self.layers))
        self.stack.enter_context(SharedFilters(self.layers, iterate=False))
        self.stack.enter_context(moments_untouched(self.norms))
        remember(self.layers, self.made)

    def __exit__(self, *_: object) -> None:
        self.stack.close()


Filters = list[tuple[Tensor | None, Tensor | None, Tensor | None]]


def filters_of(layers: Sequence[FilteredLayer]) -> Filters:
    """What layers share at the moment."""
    return [(layer.shared.filter, layer.shared.weight, layer.shared.reduced) for layer in layers]


def remember(layers: Sequence[FilteredLayer], made: Filters) -> None:
    """Give layers filters to share."""
    for layer, filters in zip(layers, made, strict=True):
        layer.shared.filter, layer.shared.weight, layer.shared.reduced = filters


class Recomputable(Compound):
    """A block whose inner feature maps can be computed again instead of kept, see `choose_recomputation`.

    Examples:
        >>> from steergan.symmetry import gspace, regular_type
        >>> from steergan.layers import DiscriminatorBlock
        >>> regular = regular_type(gspace("C4"), 1)
        >>> isinstance(DiscriminatorBlock(regular, regular), Recomputable)
        True
    """

    recomputation: Recomputation | None = None


def run(layer: EquivariantModule, x: GeometricTensor, *rest: Any) -> GeometricTensor:
    """The layer's output; blocks that recompute keep nothing of what is inside them.

    Examples:
        >>> from steergan.symmetry import gspace, regular_type
        >>> from steergan.layers import DiscriminatorBlock
        >>> regular = regular_type(gspace("C4"), 1)
        >>> block, x = DiscriminatorBlock(regular, regular).eval(), regular(torch.randn(1, 4, 6, 6))
        >>> kept = run(block, x).tensor
        >>> choose_recomputation(block, True)
        >>> torch.equal(run(block, x).tensor, kept)
        True
    """
    recomputation = layer.recomputation if isinstance(layer, Recomputable) else None
    return layer(x, *rest) if recomputation is None else recomputation(layer, x, *rest)


def choose_recomputation(network: nn.Module, wanted: bool) -> None:
    """Say for all blocks of a network whether the backward computes their feature maps again.

    Examples:
        >>> from steergan.symmetry import gspace, regular_type
        >>> from steergan.layers import DiscriminatorBlock
        >>> regular = regular_type(gspace("C4"), 1)
        >>> network = nn.Sequential(DiscriminatorBlock(regular, regular))
        >>> choose_recomputation(network, True)
        >>> network[0].recomputation is not None
        True
    """
    for layer in network.modules():
        if isinstance(layer, Recomputable):
            layer.recomputation = Recomputation(layer) if wanted else None
