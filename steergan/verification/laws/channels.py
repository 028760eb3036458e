"""Maps whose channels the elements permute up to sign: feature maps, parts of them, several side by side.

A tensor that was cut out of a feature map by whole fields, or put together of such, has a law entry by entry and no
field type. Whatever treats all channels alike, or mixes them by filters, asks for less: that

    v(g x)[b, c, p] = sign[g, c] v(x)[b, index[g, c], g^-1 p]

with one permutation of channels for all samples b and pixels p. A field type is one way for this to hold. A slice
through a field is none: its channels go where the slice has no entry.
"""

from collections.abc import Sequence

import torch

from steergan.verification.elements import ChannelAction, Matrix, channel_action, pixel_action
from steergan.verification.laws.calculus import TOO_LARGE, first_places, pointwise
from steergan.verification.laws.law import LARGEST, Fields, Law, Lost, Turning, distinct, map_permutation


def channels_of(law: Law, shape: torch.Size, elements: Sequence[Matrix]) -> list[ChannelAction] | None:
    """What each element does to the channels of a map (B, C, H, W); None where it is not the same for every pixel."""
    if isinstance(law, Fields):
        actions = [channel_action(law.type, matrix) for matrix in elements]
        return None if None in actions else actions  # type: ignore[return-value]
    if not isinstance(law, Turning) or len(shape) != 4 or shape.numel() == 0:
        return None
    ids, area = law.ids.flatten(), shape[2] * shape[3]
    first = first_places(law)
    found = []
    for e, matrix in enumerate(elements):
        pixels = pixel_action(matrix, *shape[2:])
        if pixels is None:
            return None
        # Where the entries of the first pixel of the first sample come from says what the permutation has to be ...
        image, sign = law.index[e][ids], law.sign[e][ids]
        came_from = first[image].view(shape)[0, :, 0, 0]
        if bool((came_from < 0).any()):
            return None
        action = ChannelAction(came_from // area % shape[1], sign.view(shape)[0, :, 0, 0])
        # ... and every entry, whether it is.
        index, wanted = map_permutation(action, pixels, shape)
        if not torch.equal(ids[index], image) or not torch.equal(wanted, sign):
            return None
        found.append(action)
    return found


def map_of_channels(channels: Sequence[ChannelAction], shape: torch.Size, elements: Sequence[Matrix]) -> Law:
    """The law of a map (B, C, H, W) whose channels the elements move so."""
    if shape.numel() * len(elements) > LARGEST:
        return Lost(TOO_LARGE)
    moved = []
    for matrix, action in zip(elements, channels, strict=True):
        pixels = pixel_action(matrix, *shape[2:])
        if pixels is None:
            return Lost(OTHER_SHAPE)
        moved.append(map_permutation(action, pixels, shape))
    return Turning(distinct(shape), torch.stack([m[0] for m in moved]), torch.stack([m[1] for m in moved]))


OTHER_SHAPE = "the element turns the map onto another shape"
NO_MAP = "{} on a tensor that is no feature map"


def each_channel(
    law: Law, shape: torch.Size, out_shape: torch.Size, parity: str, elements: tuple[Matrix, ...], name: str
) -> Law:
    """The law of what makes each channel of a map anew, by one function that commutes with what moves pixels.

    Args:
        law: of the map; not fixed.
        shape: (B, C, H, W) of the map.
        out_shape: (B, C, H', W') of the result.
        parity: "odd" for linear functions, "general" for maxima, which channels that change sign do not take.
        elements: that are claimed.
        name: of the operation.
    """
    if isinstance(law, Lost):
        return law
    if len(shape) != 4:
        return Lost(NO_MAP.format(name))
    if any(pixel_action(matrix, *out_shape[2:]) is None for matrix in elements):
        return Lost(OTHER_SHAPE)
    law = pointwise(law, parity)
    if isinstance(law, Fields | Lost):
        return law
    channels = channels_of(law, shape, elements)
    return Lost(NO_MAP.format(name)) if channels is None else map_of_channels(channels, out_shape, elements)
