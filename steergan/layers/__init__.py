"""Equivariant layers: escnn `EquivariantModule`s, geometric tensors in and out."""

from steergan.layers.batch_norm import ConditionalBatchNorm, FieldBatchNorm
from steergan.layers.convolution import GroupConvolution
from steergan.layers.convolution_path import choose_convolution
from steergan.layers.filter_orbits import FilterOrbits, filter_orbits
from steergan.layers.nonlinearity import Pointwise
from steergan.layers.pooling import AveragePool, GroupPool, MaxPool
from steergan.layers.projection import ProjectionHead
from steergan.layers.resample import Upsample
from steergan.layers.residual import DiscriminatorBlock, GeneratorBlock
from steergan.layers.spectral_norm import SpectralLinear, SpectralNorm, converge_spectral_norm, shared_filters
from steergan.layers.upsample_convolution import (
    UpsampleConvolution,
    filter_size,
    upsampled_convolution,
    upsampling_mode,
)

__all__ = [
    "AveragePool",
    "ConditionalBatchNorm",
    "DiscriminatorBlock",
    "FieldBatchNorm",
    "FilterOrbits",
    "GeneratorBlock",
    "GroupConvolution",
    "GroupPool",
    "MaxPool",
    "Pointwise",
    "ProjectionHead",
    "SpectralLinear",
    "SpectralNorm",
    "Upsample",
    "UpsampleConvolution",
    "choose_convolution",
    "converge_spectral_norm",
    "filter_orbits",
    "filter_size",
    "shared_filters",
    "upsampled_convolution",
    "upsampling_mode",
]
