"""Multiply-adds of a generator, counted by hand."""

import torch

from steergan.networks import Generator, GeneratorSpec
from steergan.networks.summary import layer_rows


def test_an_upsampling_convolution_counts_its_phase_filters() -> None:
    spec = GeneratorSpec(z_dim=5, embedding_dim=2, seed_width=3, widths=(4, 8), upsamplings=1, spectral_norm="off")
    generator = Generator(spec, (1, 8, 8), 3)
    rows = {row.path: row for row in layer_rows(generator, torch.zeros(1, 5), torch.tensor([0]), torch.tensor([0]))}
    first, upsampling = rows["synthesis.stages.0.convolution"], rows["synthesis.stages.1.convolution"]
    assert (first.kind, first.size) == ("GroupConvolution", "8 x 4 x 4")
    assert first.multiply_adds == 3 * 8 * 9 * 4 * 4
    assert (upsampling.kind, upsampling.size) == ("UpsampleConvolution", "16 x 8 x 8")
    # 16 products for each pixel of the small map and pair of channels, not 36.
    assert upsampling.multiply_adds == 8 * 16 * 16 * 4 * 4
    assert upsampling.parameters == 2 * 4 * 4 * 9
    assert rows["synthesis.to_image"].multiply_adds == 16 * 4 * 9 * 8 * 8
