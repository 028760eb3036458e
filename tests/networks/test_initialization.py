"""First weights of whole networks."""

import pytest
import torch

from steergan.networks.initialization import STANDARD_DEVIATION
from tests.networks.small import discriminator_of, discriminator_spec, generator_of, generator_spec

WIDE = {"architecture": "residual", "widths": (64, 64)}


def test_normal_weights_have_the_papers_deviation_and_norms_that_fit_them() -> None:
    networks = [
        generator_of(generator_spec(seed_width=32, initialization="normal", **WIDE), (3, 16, 16)),
        discriminator_of(discriminator_spec(initialization="normal", **WIDE), (3, 16, 16), classes=40),
    ]
    for network in networks:
        for name, weight in network.named_parameters():
            if weight.dim() > 1 and weight.numel() > 500:
                assert float(weight.detach().std()) == pytest.approx(STANDARD_DEVIATION, rel=0.15), name
        for layer in network.modules():
            if getattr(layer, "spectral", None) is not None:
                matrix = layer.raw_filter().detach()  # type: ignore[operator]
                sigma = float(layer.spectral.sigma(matrix).detach())  # type: ignore[operator, union-attr]
                assert sigma == pytest.approx(float(torch.linalg.matrix_norm(matrix, 2)), rel=0.05)


def test_orthogonal_weights_are_the_default_and_larger() -> None:
    generator = generator_of(generator_spec(seed_width=32, **WIDE), (3, 16, 16))
    assert float(generator.get_parameter("seed.weight").detach().std()) > 2 * STANDARD_DEVIATION
