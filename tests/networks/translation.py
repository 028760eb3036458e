"""Small networks that translate images, with weights that are always the same."""

from typing import Any, TypeVar

import torch
from torch import Tensor

from steergan.networks import PatchDiscriminator, PatchDiscriminatorSpec, UNet, UNetSpec
from steergan.verification import Certificate, Subject, verify, verify_subject

MODE = ("evaluation",)
Network = TypeVar("Network", UNet, PatchDiscriminator)
IN, OUT = (3, 8, 8), (2, 8, 8)
WIDTHS = (8, 12)


def unet(**settings: object) -> Any:
    """Two halvings; random weights of unlike strengths."""
    torch.manual_seed(0)
    spec = UNetSpec.model_validate({"widths": WIDTHS, "initialization": "orthogonal"} | settings)
    return lived_in(UNet(spec, IN, OUT))


def patch(**settings: object) -> PatchDiscriminator:
    """One halving; random weights of unlike strengths."""
    torch.manual_seed(0)
    spec = PatchDiscriminatorSpec.model_validate({"widths": WIDTHS, "initialization": "orthogonal"} | settings)
    return lived_in(PatchDiscriminator(spec, IN, OUT))


def lived_in(network: Network) -> Network:
    """With scales, shifts and biases that are not those of the start."""
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.1)
    return network.eval()


def pair(images: int = 2) -> tuple[Tensor, Tensor]:
    """An input and an output, each in [-1, 1]."""
    stream = torch.Generator().manual_seed(1)
    first, second = (torch.rand(images, *shape, generator=stream) * 2 - 1 for shape in (IN, OUT))
    return first, second


def proof(network: UNet | PatchDiscriminator, side: int = 8, level: int = 2) -> Certificate:
    """The certificate that the output turns with what comes in."""
    if isinstance(network, PatchDiscriminator):
        return verify(network, side, "equivariant", out_type=network.out_type, level=level, off_grid=False, modes=MODE)
    keep = (network.draw_keep(2, torch.Generator().manual_seed(0)),) if network.dropped else ()
    into, out = network.in_type, network.out_type
    subject = Subject("unet", network, into, "equivariant", out, ((side, side),), keep)
    return verify_subject(subject, level=level, off_grid=False, modes=MODE)
