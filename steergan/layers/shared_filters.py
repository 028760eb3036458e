"""Layers whose filter is made of weights and normed, and how one such filter serves many forwards."""

from collections.abc import Callable, Sequence
from typing import Any, Self, get_args

import torch
from torch import Tensor

from steergan.layers.filters.matrices import BasisMatrix, GatheredMatrix
from steergan.layers.kept import Keeper, can_be_kept
from steergan.layers.spectral_norm import AnyMatrix, NormOf, SpectralNorm, full_precision

CONSTRUCTION_TOLERANCE = 1e-3
CONSTRUCTION_ITERATIONS = 30
"""A new layer's sigma is near convergence, and cheap."""


class SharedFilter:
    """What a layer remembers inside `shared_filters`. A copy, deep or pickled, remembers nothing."""

    def __init__(self) -> None:
        self.depth = 0
        self.forget()

    def forget(self) -> None:
        """Remember nothing any more."""
        self.filter: Tensor | None = None
        self.weight: Tensor | None = None
        self.reduced: Tensor | None = None
        self.iterated = False

    def __reduce__(self) -> tuple[type["SharedFilter"], tuple[()]]:
        return SharedFilter, ()


def serves(made: Tensor, weights: list[Tensor]) -> bool:
    """Whether a filter made of these weights before can stand in for a new one."""
    if not torch.compiler.is_compiling() and made.is_inference() and not torch.is_inference_mode_enabled():
        return False
    same_place = all((weight.dtype, weight.device) == (made.dtype, made.device) for weight in weights)
    needs_grad = torch.is_grad_enabled() and any(weight.requires_grad for weight in weights)
    return same_place and (made.requires_grad or not needs_grad)


class FilteredLayer(torch.nn.Module):
    """A layer whose filter is a matrix made of its weights, divided by a spectral norm if `spectral` is there.

    In evaluation mode forwards without gradients of the weights keep what they made of them, until a weight changes.
    """

    spectral: SpectralNorm | None
    norm_of: NormOf = "off"
    """Of which matrix the spectral norm is."""

    def __init__(self) -> None:
        super().__init__()
        self.shared, self.keeper = SharedFilter(), Keeper()

    def train(self, mode: bool = True) -> Self:
        """Training mode, or evaluation mode; the former keeps nothing."""
        if mode:
            self.keeper.forget()
        return super().train(mode)

    def _apply(self, *args: Any, **kwargs: Any) -> Self:
        self.keeper.forget()
        return super()._apply(*args, **kwargs)

    def kept(self, name: str, make: Callable[[], Tensor], of: list[Tensor] | None = None) -> Tensor:
        """What `make` makes now; in evaluation what it made before, if that would come out again.

        Args:
            name: of what is made.
            make: a function of nothing but the parameters `of` and constants; by default of filter and spectral norm.
            of: parameters.

        Returns:
            A tensor for forwards, not to be written to.
        """
        if torch.compiler.is_compiling():
            return make()
        weights = self.filter_weights() if of is None else of
        if self.training or self.shared.depth or not can_be_kept(weights):
            self.keeper.forget()
            return make()
        vectors = [] if self.spectral is None or of is not None else [self.spectral.u, self.spectral.v]
        return self.keeper.get(name, make, [*weights, *vectors], self.filter_constants())

    def filter_constants(self) -> list[Tensor]:
        """Tensors beside weights and spectral norm that the filter is made of."""
        return []

    def filter_weights(self) -> list[Tensor]:
        """The parameters that the filter is made of."""
        raise NotImplementedError

    def raw_filter(self) -> Tensor:
        """(rows = output channels, columns), before spectral normalisation."""
        raise NotImplementedError

    def normed_filter(self) -> Tensor:
        """`raw_filter`, divided by its spectral norm if it has one: as a whole, with no other way of making it."""
        matrix = self.raw_filter()
        if self.spectral is None:
            return matrix
        return matrix / self.spectral.sigma(matrix if self.norm_of == "bank" else self.weight_matrix())

    def weight_matrix(self) -> Tensor:
        """The free weights, (rows = output fields, columns): by default the filter itself."""
        return self.raw_filter()

    def normed_matrix(self) -> AnyMatrix:
        """The matrix that the spectral norm is of."""
        return self.weight_matrix() if self.norm_of == "weights" else self.gathered_filter() or self.raw_filter()

    def gathered_filter(self) -> GatheredMatrix | BasisMatrix | None:
        """`raw_filter` for products with vectors, where there is a way without making it."""
        return None

    def expanded(self, weight: Tensor) -> Tensor:
        """A weight in place of the own one -> the filter, for layers whose `gathered_filter` is a `GatheredMatrix`."""
        raise NotImplementedError

    def start_spectral_norm(self, wanted: bool | NormOf) -> None:
        """Give the layer a spectral norm, near convergence on its initial weights; True: that of the bank.

        Raises:
            ValueError: of no such matrix.
        """
        self.norm_of = ("bank" if wanted else "off") if isinstance(wanted, bool) else wanted
        if self.norm_of not in get_args(NormOf):
            raise ValueError(f"spectral_norm = {wanted!r} came; True, False or one of {get_args(NormOf)} was wanted")
        self.spectral = None
        if self.norm_of != "off":
            matrix = self.normed_matrix()
            matrix = matrix.detach() if isinstance(matrix, Tensor) else matrix
            self.spectral = SpectralNorm(*matrix.shape)
            self.spectral.converge(matrix, CONSTRUCTION_TOLERANCE, CONSTRUCTION_ITERATIONS)

    def filter_matrix(self) -> Tensor:
        """The filter that a forward uses now, (rows, columns).

        Like a forward, it does one power iteration in training mode (inside `shared_filters`, at most one in all).
        """
        made = self.shared.filter
        if made is None or not serves(made, self.filter_weights()):
            with full_precision(self.filter_weights()[0]):
                gathered = self.gathered_filter()
                if isinstance(gathered, GatheredMatrix):
                    made = self.expanded(self.normalized_weight())  # divides |G| times fewer numbers, to the same bits
                else:
                    matrix = self.raw_filter()
                    made = self._normalized(matrix, gathered or matrix)
            if self.shared.depth:
                self.shared.filter = made
        return made

    def normalized_weight(self) -> Tensor:
        """The weight behind `filter_matrix`, for layers with a `gathered_filter`: (n_out, n_in, orbits).

        Iterates as `filter_matrix` does; inside `shared_filters`, whichever is asked for first.
        """
        made = self.shared.weight
        if made is None or not serves(made, self.filter_weights()):
            matrix = self.gathered_filter()
            assert isinstance(matrix, GatheredMatrix)
            with full_precision(matrix.weight):
                made = self._normalized(matrix.weight, matrix)
            if self.shared.depth:
                self.shared.weight = made
        return made

    def _normalized(self, values: Tensor, matrix: AnyMatrix) -> Tensor:
        if self.spectral is None:
            return values
        if self.norm_of == "weights":
            matrix = self.weight_matrix()
        if self.training and not self.shared.iterated:
            self.shared.iterated = self.shared.depth > 0
            return values / self.spectral.iterated_sigma(matrix)
        return values / self.spectral.sigma(matrix)


def filtered_layers(*networks: torch.nn.Module) -> list[FilteredLayer]:
    """The layers whose filters can be shared; listing them walks all modules, which escnn makes slow.

    Examples:
        >>> from steergan.layers import SpectralLinear
        >>> network = torch.nn.Sequential(SpectralLinear(4, 4), torch.nn.ReLU(), SpectralLinear(4, 1))
        >>> len(filtered_layers(network))
        2
    """
    return [layer for network in networks for layer in network.modules() if isinstance(layer, FilteredLayer)]


class SharedFilters:
    """The context that `shared_filters` opens, for layers that were listed before.

    Args:
        layers: from `filtered_layers`.
        iterate: whether spectral norms in training mode move; if not, they are used as they are.

    Examples:
        >>> from steergan.layers import SpectralLinear
        >>> layers = filtered_layers(SpectralLinear(4, 4))
        >>> with SharedFilters(layers, iterate=False):
        ...     _ = layers[0](torch.randn(2, 4))  # by the spectral norm as it is
    """

    def __init__(self, layers: Sequence[FilteredLayer], iterate: bool = True) -> None:
        self.layers, self.iterate = layers, iterate

    def __enter__(self) -> None:
        for layer in self.layers:
            if layer.shared.depth == 0:
                layer.shared.iterated = not self.iterate
            layer.shared.depth += 1

    def __exit__(self, *_: object) -> None:
        for layer in self.layers:
            layer.shared.depth -= 1
            if layer.shared.depth == 0:
                layer.shared.forget()


def shared_filters(*networks: torch.nn.Module) -> SharedFilters:
    """One power iteration (training mode) and one expansion of each filter serve every forward inside.

    Both happen at a layer's first forward. If that one ran without gradients and a later one needs them, or the dtype
    or the device has changed, the filter is made again without iterating. Contexts nest: the outermost counts. In
    evaluation mode the filters are frozen, which makes inference faster.

    Inside, weights must not change, and what hangs on the shared filters takes one `backward` (or `retain_graph=True`):
    open one context for each optimiser update, and close it before the optimiser's step.

    Examples:
        >>> from steergan.layers import SpectralLinear
        >>> layer = SpectralLinear(4, 4)
        >>> with shared_filters(layer):
        ...     layer.filter_matrix() is layer.filter_matrix()
        True
    """
    return SharedFilters(filtered_layers(*networks))


@torch.no_grad()
def converge_spectral_norm(network: torch.nn.Module, tolerance: float = 1e-6, max_iterations: int = 1000) -> None:
    """Iterate every spectral norm of a network until sigma moves by less than `tolerance`, relative.

    For weights that no training step has iterated on: an average of weights, or a new initialisation.

    Examples:
        >>> from steergan.layers import SpectralLinear
        >>> layer = SpectralLinear(4, 4)
        >>> layer.weight.data = torch.diag(torch.tensor([4.0, 2.0, 1.0, 1.0]))
        >>> converge_spectral_norm(layer)
        >>> f"{layer.spectral.sigma(layer.weight):.3f}"
        '4.000'
    """
    for layer in filtered_layers(network):
        if layer.spectral is not None:
            layer.spectral.converge(layer.normed_matrix(), tolerance, max_iterations)
