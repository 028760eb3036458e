"""Equivariant layers: escnn `EquivariantModule`s, geometric tensors in and out."""

from steergan.layers import pickling  # noqa: F401  # so that whatever has a field type can be pickled
from steergan.layers.activation import activation
from steergan.layers.antialiased_pool import AntialiasedPool
from steergan.layers.attention import Scores, SelfAttention, choose_attention
from steergan.layers.batch_norm import ConditionalBatchNorm, FieldBatchNorm, batch_norms, moments_untouched
from steergan.layers.bottleneck import Bottleneck, set_row_length
from steergan.layers.convolution import GroupConvolution
from steergan.layers.dense import SpectralEmbedding, SpectralLinear
from steergan.layers.dropout import FieldDropout, draw_keep
from steergan.layers.filters.orbits import FilterOrbits, filter_orbits
from steergan.layers.filters.path import choose_convolution, choose_memory_format
from steergan.layers.fourier_pointwise import FourierPointwise, SampledPointwise
from steergan.layers.gated import Gated
from steergan.layers.group_average import averaged_over_group
from steergan.layers.grouped_convolution import GroupedConvolution
from steergan.layers.invariant_map import InvariantMap
from steergan.layers.minibatch_deviation import MinibatchDeviation
from steergan.layers.modulation import FieldModulation, FieldNoise
from steergan.layers.nonlinearity import Pointwise
from steergan.layers.pooling import AveragePool, GroupPool, MaxPool
from steergan.layers.projection import ProjectionHead
from steergan.layers.recomputation import Recomputable, choose_recomputation, run
from steergan.layers.resample import Upsample
from steergan.layers.residual import DiscriminatorBlock, GeneratorBlock, HalvingPool
from steergan.layers.restriction import Restriction
from steergan.layers.sample_norms import FieldInstanceNorm, FieldLayerNorm
from steergan.layers.shared_filters import (
    SharedFilters,
    converge_spectral_norm,
    filtered_layers,
    shared_filters,
)
from steergan.layers.spectral_norm import SpectralNorm
from steergan.layers.upsample_convolution import (
    UpsampleConvolution,
    filter_size,
    upsampled_convolution,
    upsampling_mode,
)
from steergan.layers.windowed_convolution import StridedConvolution, TransposedConvolution, Windows

__all__ = [
    "AntialiasedPool",
    "AveragePool",
    "Bottleneck",
    "ConditionalBatchNorm",
    "DiscriminatorBlock",
    "FieldBatchNorm",
    "FieldDropout",
    "FieldInstanceNorm",
    "FieldLayerNorm",
    "FieldModulation",
    "FieldNoise",
    "FilterOrbits",
    "FourierPointwise",
    "Gated",
    "GeneratorBlock",
    "GroupConvolution",
    "GroupPool",
    "GroupedConvolution",
    "HalvingPool",
    "InvariantMap",
    "MaxPool",
    "MinibatchDeviation",
    "Pointwise",
    "ProjectionHead",
    "Recomputable",
    "Restriction",
    "SampledPointwise",
    "Scores",
    "SelfAttention",
    "SharedFilters",
    "SpectralEmbedding",
    "SpectralLinear",
    "SpectralNorm",
    "StridedConvolution",
    "TransposedConvolution",
    "Upsample",
    "UpsampleConvolution",
    "Windows",
    "activation",
    "averaged_over_group",
    "batch_norms",
    "choose_attention",
    "choose_convolution",
    "choose_memory_format",
    "choose_recomputation",
    "converge_spectral_norm",
    "draw_keep",
    "filter_orbits",
    "filter_size",
    "filtered_layers",
    "moments_untouched",
    "run",
    "set_row_length",
    "shared_filters",
    "upsampled_convolution",
    "upsampling_mode",
]
