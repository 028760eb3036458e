"""Stock networks of a translation are the recipe's: the same function, of escnn's modules alone."""

import pytest
import torch
from torch import nn

from steergan.benchmark.stock_translation import StockPatchDiscriminator, StockUNet
from steergan.errors import RecipeError
from steergan.layers import GroupConvolution
from steergan.networks import PatchDiscriminator, PatchDiscriminatorSpec, UNet, UNetSpec
from tests.thorough import also

SHAPES = (2, 8, 8), (1, 8, 8)


def copy_filters(own: nn.Module, stock: nn.Module) -> None:
    """Give the stock network the other's filters and biases, in order."""
    ours = [m for m in own.modules() if isinstance(m, GroupConvolution)]
    theirs = [m for m in stock.modules() if type(m).__name__ == "R2Conv"]
    for convolution, target in zip(ours, theirs, strict=True):
        target.load_state_dict(convolution.to_r2conv().state_dict(), strict=False)


@pytest.mark.parametrize("group", ["C4", *also("trivial", "D4")])
def test_stock_rivals_compute_the_same_functions_at_batch_1(group: str) -> None:
    torch.manual_seed(0)
    unet_spec = UNetSpec(group=group, widths=(4, 4, 4), initialization="orthogonal")
    patch_spec = PatchDiscriminatorSpec(group=group, widths=(4, 4), initialization="orthogonal")
    image, other = torch.randn(1, *SHAPES[0]), torch.randn(1, *SHAPES[1])
    unet, patch = UNet(unet_spec, *SHAPES).train(), PatchDiscriminator(patch_spec, *SHAPES).train()
    stock, judge = StockUNet(unet_spec, *SHAPES).train(), StockPatchDiscriminator(patch_spec, *SHAPES).train()
    copy_filters(unet, stock)
    copy_filters(patch, judge)
    with torch.no_grad():
        torch.testing.assert_close(stock(image), unet(image), rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(judge(image, other), patch(image, other), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"group": "SO2"}, "no stock escnn rival of SO2"),
        ({"resampling": "strided"}, 'of generator.resampling = "strided" with norm = "instance"'),
        ({"dropout": 0.5}, "generator.dropout"),
    ],
)
def test_what_has_no_rival_is_refused(settings: dict[str, object], words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        StockUNet(UNetSpec.model_validate(settings), *SHAPES)
