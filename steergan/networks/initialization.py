"""First weights of a whole network."""

import torch
from torch import nn

from steergan.layers.shared_filters import FilteredLayer, converge_spectral_norm

STANDARD_DEVIATION = 0.02


@torch.no_grad()
def initialize(network: nn.Module, law: str) -> None:
    """Give every filter, dense weight and embedding of a network its first values, where the layers' own won't do.

    Args:
        network: just built: its layers are orthogonal, their biases zero.
        law: `"orthogonal"` leaves them so; `"normal"` draws N(0, 0.02) from torch's stream, for the free weights of
            filter banks too, and brings the spectral norms' vectors near convergence again.

    Source: Dey et al. 2021, C.2 (orthogonal) and C.2.4 (normal, for CIFAR-10).
    """
    if law == "orthogonal":
        return
    for module in network.modules():
        if isinstance(module, FilteredLayer):
            weights = module.filter_weights()
        else:
            weights = [module.weight] if isinstance(module, nn.Embedding) else []
        for weight in weights:
            weight.normal_(std=STANDARD_DEVIATION)
    converge_spectral_norm(network, tolerance=1e-3, max_iterations=30)
