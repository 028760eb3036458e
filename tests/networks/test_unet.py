"""U-Nets turn their output with their input, in both forms, under every group; what would not is refused or caught."""

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.functional import leaky_relu, relu

import steergan
from steergan.errors import RecipeError, SteerganError, SymmetryError
from steergan.layers import GroupPool
from steergan.networks import UNet, UNetSpec
from steergan.networks.summary import layer_rows
from steergan.networks.translation_blocks import direct_sum
from tests.networks.translation import IN, OUT, pair, proof, unet
from tests.thorough import also, grid

FORMS = ["pooled", "strided"]


@pytest.mark.parametrize(
    ("group", "resampling", "norm"), grid(("C2", "C4", "D1", "D2", "D4"), FORMS, ("instance", "batch", "layer", "off"))
)
def test_it_is_proved_on_the_grid(group: str, resampling: str, norm: str) -> None:
    found = proof(unet(group=group, resampling=resampling, norm=norm, dropout=0.5))
    assert found.verdict == "proved", found.sentence
    assert set(found.counts()) == {"exact"}, found.counts()


@pytest.mark.parametrize(
    ("group", "norm"), [("C8", "layer"), *also(("SO2", "instance"), ("O2", "layer"), ("D8", "batch"))]
)
def test_it_is_proved_off_the_grid(group: str, norm: str) -> None:
    found = proof(unet(group=group, norm=norm, frequency=1))
    assert found.verdict == "proved", found.sentence


@pytest.mark.parametrize("group", ["D4", "C8"])
def test_the_output_turns_with_the_input_at_other_sizes(group: str) -> None:
    network = unet(group=group).double()
    image = torch.rand(1, 3, 12, 12, dtype=torch.float64) * 2 - 1
    turned = network(torch.rot90(image, 1, (2, 3)))
    assert torch.allclose(turned, torch.rot90(network(image), 1, (2, 3)), atol=1e-10)
    assert turned.abs().max() < 1
    plain = unet(group="trivial").double()
    assert not torch.allclose(plain(image.mT), plain(image).mT, atol=1e-2)


def test_the_strided_form_is_pix2pix() -> None:
    """Written down with torch's layers: LeakyReLU, 4x4, norm down; ReLU, transposed 4x4, norm up."""
    network, image = unet(group="trivial", resampling="strided"), pair()[0]

    def plain(layer: nn.Module, x: torch.Tensor) -> torch.Tensor:
        return layer.export()(x)  # type: ignore[operator]

    skips, x = [], image
    for i, down in enumerate(network.downs):
        x = plain(down.layers[0], x if i == 0 else leaky_relu(x, 0.2))
        norms = [layer for layer in down.layers if "Norm" in type(layer).__name__]
        assert len(norms) == (i > 0)
        x = plain(norms[0], x) if norms else x
        skips.append(x)
    for up, skip in zip(network.ups, skips[-2::-1], strict=True):
        x = plain(up.layers[2], plain(up.layers[1], relu(x)))
        x = torch.cat([x, skip], dim=1)
    wanted = torch.tanh(plain(network.to_image.layers[1], relu(x)))
    assert torch.allclose(network(image), wanted, atol=1e-5)


def test_the_mean_over_the_group_stands_in_the_last_bank() -> None:
    """Table 16 has a convolution to regular fields and an average pool of the group: the function is the same."""
    network = unet(group="C4")
    last = network.to_image.layers[0]
    bank = last.convolution.filter_bank()
    assert bank.shape[0] == OUT[0]
    assert not [layer for layer in network.modules() if isinstance(layer, GroupPool)]


def test_a_map_of_one_pixel_has_no_norm_whatever_the_group() -> None:
    for group in ("trivial", "C4"):
        network: Any = UNet(UNetSpec(group=group, widths=(4, 4)), (1, 4, 4), (1, 4, 4))
        has = [any("Norm" in type(layer).__name__ for layer in block.layers) for block in network.downs]
        assert has == [True, False]
        assert torch.isfinite(network(torch.randn(1, 1, 4, 4))).all()
    small = UNet(UNetSpec(group="trivial", widths=(4, 4)), (1, 8, 8), (1, 8, 8))
    with pytest.raises(SteerganError, match="one value has no variance"):
        small(torch.randn(1, 1, 4, 4))


def test_dropout_is_drawn_by_the_caller_and_leaves_whole_fields_out() -> None:
    network, image = unet(dropout=0.5, dropout_blocks=1), pair()[0]
    assert network.dropped == len(network.ups[0].layers[-2].in_type)
    one, other = (network.draw_keep(2, torch.Generator().manual_seed(seed)) for seed in (0, 1))
    assert torch.equal(network(image, one), network(image, one))
    assert not torch.allclose(network(image, one), network(image, other), atol=1e-3)
    with pytest.raises(SymmetryError, match=r"dropout wants numbers for each image, \(B, 4\): UNet.draw_keep"):
        network(image)
    assert unet().draw_keep(2).shape == (2, 0)


def test_it_is_exported_with_its_dropout() -> None:
    network, image = unet(dropout=0.5, dropout_blocks=1), pair()[0]
    keep = network.draw_keep(2, torch.Generator().manual_seed(0))
    found = steergan.export(network, 8, others=(keep,), out_type=network.out_type, certify=False)
    assert found.report["bits"]["wrong"] == []
    assert found.report["measured"]["float64"]["symmetry"] < 1e-12
    assert torch.allclose(found.module(image, keep), network(image, keep), atol=1e-5)


def test_one_halving_is_enough() -> None:
    image = torch.randn(1, 1, 4, 4)
    network = UNet(UNetSpec(widths=(4,)), (1, 4, 4), (1, 4, 4)).eval()
    assert torch.allclose(network(torch.rot90(image, 1, (2, 3))), torch.rot90(network(image), 1, (2, 3)), atol=1e-5)


def test_first_weights_are_those_of_pix2pix_unless_asked() -> None:
    torch.manual_seed(0)
    network = UNet(UNetSpec(widths=(32, 64)), IN, OUT)
    weights = torch.cat([p.detach().flatten() for name, p in network.named_parameters() if "weights" in name])
    assert float(weights.std()) == pytest.approx(0.02, rel=0.02)


def test_parameters_are_those_of_the_plain_network() -> None:
    counts = [sum(p.numel() for p in unet(group=group, widths=(32, 64)).parameters()) for group in ("trivial", "C4")]
    assert counts[1] / counts[0] == pytest.approx(1, abs=0.04)


@pytest.mark.parametrize(
    ("settings", "shapes", "words"),
    [
        ({"widths": (4,) * 3}, ((1, 20, 20), (1, 20, 20)), "multiples of 8; 16 x 16 would do, or fewer generator.wid"),
        ({"widths": (4,) * 6}, ((1, 20, 20), (1, 20, 20)), "multiples of 64; 64 x 64 would do"),
        ({}, ((1, 256, 256), (1, 256, 512)), "images of a pair of one size were wanted"),
        ({"widths": (4,)}, ((1, 8, 16), (1, 8, 16)), "can't be turned by 90 degrees"),
        ({"group": "C8", "resampling": "strided"}, ((1, 256, 256),) * 2, 'for groups that permute pixels, .* "pooled"'),
        ({"kernel_size": 5, "resampling": "strided"}, ((1, 256, 256),) * 2, "windows have 4 pixels a side"),
        ({"filters": "band-limited"}, ((1, 256, 256),) * 2, "is for networks that draw images from latents"),
        ({"group": "SO2", "nonlinearity": "pointwise"}, ((1, 256, 256),) * 2, "is not equivariant"),
    ],
)  # fmt: skip
def test_what_it_cannot_be_is_refused_in_a_line(settings: object, shapes: object, words: str) -> None:
    with pytest.raises((SymmetryError, RecipeError), match=words):
        UNet(UNetSpec.model_validate(settings), *shapes)  # type: ignore[misc]


def test_a_map_that_it_cannot_halve_is_refused_when_it_comes() -> None:
    for group in ("trivial", "C4"):
        with pytest.raises(SymmetryError, match=r"8 x 10 pixels can't be halved 2 times: .* 8 x 8 would do"):
            unet(group=group)(torch.zeros(1, 3, 8, 10))


def test_rectangles_go_through_where_no_axes_are_swapped() -> None:
    network = UNet(UNetSpec(group="D2", widths=(4, 4)), (1, 8, 12), (1, 8, 12)).eval()
    image = torch.randn(1, 1, 8, 12)
    assert torch.allclose(network(image.flip(3)), network(image).flip(3), atol=1e-5)


# --- mutants


def test_a_direct_sum_in_another_order_than_its_type_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    def shuffled(*maps: Any) -> Any:
        """Channels of both maps by turns: no field is whole."""
        right = direct_sum(*maps)
        order = torch.arange(right.tensor.shape[1]).view(2, -1).mT.flatten()
        return type(right)(right.tensor[:, order], right.type)

    assert proof(unet(widths=(8, 8))).verdict == "proved"
    monkeypatch.setattr("steergan.networks.unet.direct_sum", shuffled)
    assert proof(unet(widths=(8, 8))).verdict in ("broken", "not proved")
    assert proof(unet(widths=(8, 8)), level=4).verdict == "broken"


def test_a_norm_over_part_of_a_field_is_caught() -> None:
    network = unet()
    norm = network.downs[0].layers[2]
    norm.layout.sizes, norm.layout.fields = [2], [[*range(2 * len(norm.in_type))]]
    norm.weight, norm.bias = None, None
    assert proof(network, level=4).verdict == "broken"


def test_numbers_of_dropout_for_single_channels_are_caught() -> None:
    network = unet(dropout=0.5)
    dropping = network.ups[0].layers[network.ups[0].place]
    dropping.owners = torch.arange(len(dropping.owners)) % len(dropping.in_type)
    assert proof(network, level=4).verdict == "broken"


def test_a_summary_counts_all_convolutions() -> None:
    for resampling in FORMS:
        rows = layer_rows(unet(resampling=resampling), torch.zeros(1, *IN))
        work = [row for row in rows if "Convolution" in row.kind]
        assert len(work) == 4
        assert all(row.multiply_adds > 0 for row in work)
