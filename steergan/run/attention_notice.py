"""Attention that does not pool its keys: said before training, which goes on."""

from torch import nn

from steergan.layers import SelfAttention


def attention_notice(*networks: nn.Module) -> str | None:
    """One line on attention whose maps are odd, so that keys and values stay as they are; None if there is none."""
    layers = [
        f"{type(network).__name__.lower()} {path}"
        for network in networks
        for path, part in network.named_modules()
        if isinstance(part, SelfAttention) and part.pool_key is None
    ]
    if not layers:
        return None
    return f"attention on odd maps does not pool keys and values, which is four times as dear ({', '.join(layers)})"
