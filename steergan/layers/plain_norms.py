"""Batch norms in evaluation as torch's own."""

from typing import Any

import torch
from torch import Tensor, nn

from steergan.layers.fields import channel_owners
from steergan.layers.plain import as_graph, frozen


def plain_norm(norm: Any) -> nn.BatchNorm2d:
    """A `FieldBatchNorm` in evaluation, channel by channel.

    A mean or a shift along an invariant direction is one number for each channel, too: the direction times it.
    """
    wide: Tensor = norm.running_var
    owners = field_of_channel(norm)
    layer = nn.BatchNorm2d(len(owners), norm.eps, affine=norm.affine, dtype=wide.dtype, device=wide.device)
    layer.running_mean = per_channel(norm, norm.running_mean[None])[0].clone()
    layer.running_var = wide[owners].clone()
    layer.num_batches_tracked = norm.num_batches_tracked.clone()
    if norm.affine:
        layer.weight.data = norm.weight.detach()[owners].clone()
        layer.bias.data = per_channel(norm, norm.bias.detach()[None])[0].clone()
    plain: nn.BatchNorm2d = frozen(layer)
    return plain


def field_of_channel(norm: Any) -> Tensor:
    """For every channel the number of its field, (C,)."""
    return channel_owners(norm.in_type).to(norm.running_var.device)


def per_channel(norm: Any, values: Tensor) -> Tensor:
    """Numbers that shift fields, (N, one for each field or invariant direction) -> (N, C), one for each channel."""
    if norm.moments is None:
        return values[:, field_of_channel(norm)]
    channels = norm.in_type.size
    zeros = values.new_zeros(1, channels, 1, 1)
    ones = values.new_ones(1, len(norm.in_type))
    shifted: Tensor = torch.cat([norm.moments.scaled(zeros, ones, row[None]).view(1, channels) for row in values])
    return shifted


def plain_conditional_norm(norm: Any, scale: Any, shift: Any) -> nn.Module:
    """A `ConditionalBatchNorm` in evaluation: of its norm and of the dense layers that make scale and shift."""
    scaling: nn.Linear = scale.export()
    # scale = 1 + gamma(c)
    scaling.bias = nn.Parameter(torch.ones(scaling.out_features).to(scaling.weight))
    if norm.moments is not None:
        return as_graph(ByChannels(plain_norm(norm), wider(scaling, norm), shifting(norm, shift)))
    size = 0 if norm.layout.mixed else int(norm.layout.sizes[0])
    return as_graph(ByFields(plain_norm(norm), scaling, shift.export(), field_of_channel(norm), size))


def wider(scaling: nn.Linear, norm: Any) -> nn.Linear:
    """A dense layer that puts out its field's number for every channel."""
    owners = field_of_channel(norm)
    return dense(scaling.weight[owners], scaling.bias[owners])


def shifting(norm: Any, shift: Any) -> nn.Linear | None:
    """A dense layer that puts out what every channel is shifted by."""
    return None if shift is None else dense(per_channel(norm, shift.export().weight.mT).mT, None)


def dense(weight: Tensor, bias: Tensor | None) -> nn.Linear:
    """Torch's dense layer of these numbers."""
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias is not None, device="meta")
    layer.weight = nn.Parameter(weight.detach().contiguous().clone())
    if bias is not None:
        layer.bias = nn.Parameter(bias.detach().clone())
    return layer


class ByFields(nn.Module):
    """A norm, and a scale and a shift of every field, the same number for all its channels.

    Args:
        norm: of channels.
        scale: c -> a number for each field.
        shift: likewise.
        owners: each channel's field, (C,).
        size: of all fields; 0 where they differ.
    """

    owners: Tensor

    def __init__(self, norm: nn.Module, scale: nn.Module, shift: nn.Module, owners: Tensor, size: int) -> None:
        super().__init__()
        self.norm, self.scale, self.shift, self.size = norm, scale, shift, size
        self.register_buffer("owners", owners)

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        """(B, C, H, W) and c (B, conditioning) -> (B, C, H, W)."""
        scale, shift, x = self.scale(c), self.shift(c), self.norm(x)
        if self.size == 1:
            return torch.addcmul(shift[:, :, None, None], scale[:, :, None, None], x)
        if self.size:
            parts = x.unflatten(1, (-1, self.size))
            moved = torch.addcmul(shift[:, :, None, None, None], scale[:, :, None, None, None], parts)
            return moved.flatten(1, 2)
        scale, shift = scale.index_select(1, self.owners), shift.index_select(1, self.owners)
        return torch.addcmul(shift[:, :, None, None], scale[:, :, None, None], x)


class ByChannels(nn.Module):
    """A norm, and a scale and a shift of every channel.

    Args:
        norm: of channels.
        scale: c -> a number for each channel.
        shift: likewise; None: no field has a direction that it may be shifted along.
    """

    def __init__(self, norm: nn.Module, scale: nn.Module, shift: nn.Module | None) -> None:
        super().__init__()
        self.norm, self.scale, self.shift = norm, scale, shift

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        """(B, C, H, W) and c (B, conditioning) -> (B, C, H, W)."""
        scaled = self.scale(c)[:, :, None, None] * self.norm(x)
        return scaled if self.shift is None else scaled + self.shift(c)[:, :, None, None]
