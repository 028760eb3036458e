"""The mean over the group behind a convolution, as one convolution."""

import torch

from steergan.layers.convolution import GroupConvolution
from steergan.layers.fields import require_permutations
from steergan.symmetry import trivial_type


@torch.no_grad()
def averaged_over_group(convolution: GroupConvolution) -> GroupConvolution:
    """One convolution that computes what a convolution and `GroupPool(out_type, "mean")` behind it do.

    The mean over a field's channels is linear, so it can be taken of the filter bank: what is left maps to one trivial
    field each, by a bank with a channel where there were |G|, and as many times fewer products.

    Args:
        convolution: to fields whose channels the group permutes; it is left as it is, and a spectral norm is divided
            out for good.

    Returns:
        A convolution of the same size and padding to trivial fields, in the mode, dtype and device of the old one.

    Raises:
        SymmetryError: the output's channels are no permutations.
    Source: Dey et al. 2021, Table 16 ("p4-average pool" at the end of both networks).
    Differs: only in how it is computed.

    Examples:
        >>> from steergan.layers import GroupPool
        >>> from steergan.symmetry import gspace, regular_type
        >>> space = gspace("C4")
        >>> convolution = GroupConvolution(regular_type(space, 2), regular_type(space, 3), 3)
        >>> once, x = averaged_over_group(convolution), convolution.in_type(torch.randn(1, 8, 5, 5))
        >>> twice = GroupPool(convolution.out_type, "mean")(convolution(x))
        >>> torch.allclose(once(x).tensor, twice.tensor, atol=1e-6), tuple(once.filter_bank().shape)
        (True, (3, 8, 3, 3))
    """
    require_permutations("averaged_over_group", convolution.out_type, "a mean over the group does not commute with it")
    out_type, size = convolution.out_type, convolution.kernel_size
    bank, bias = convolution.normed_filter(), convolution.channel_bias()
    averaged = GroupConvolution(
        convolution.in_type, trivial_type(out_type.gspace, len(out_type)), size,
        padding=convolution.padding, bias=bias is not None,
    )  # fmt: skip
    averaged.to(bank.device, bank.dtype).train(convolution.training)
    sizes = [int(r.size) for r in out_type.representations]
    averaged.load_bank(torch.stack([part.mean(0) for part in bank.split(sizes)]).unflatten(1, (-1, size, size)))
    if averaged.bias is not None and bias is not None:
        averaged.bias.copy_(torch.stack([part.mean() for part in bias.split(sizes)]))
    return averaged
