"""The classifier: exact symmetry at every size and group, the source's plan of sizes, and what it refuses."""

import pytest
import torch
from torch import Tensor

from steergan import symmetry
from steergan.errors import SymmetryError
from steergan.networks.classifier import Classifier

GRID_GROUPS = [name for name in symmetry.GROUPS if symmetry.is_grid_group(symmetry.gspace(name))]


def build(group: str, shape: tuple[int, int, int], widths: tuple[int, ...] = (3, 4, 3, 4, 3, 4)) -> Classifier:
    """A small classifier in float64 whose batch norms have moments of their own."""
    torch.manual_seed(0)
    classifier = Classifier(group, 3, shape, widths, features=5).double()
    for name, buffer in classifier.named_buffers():
        if name.endswith("running_mean"):
            buffer.normal_()
        elif name.endswith("running_var"):
            buffer.uniform_(0.5, 2)
    return classifier.eval()


def moved(image: Tensor, group: str) -> Tensor:
    """Every element's image of one (C, H, H) map: (G, C, H, H)."""
    height, width = image.shape[-2:]
    index = torch.from_numpy(symmetry.grid_permutation(symmetry.gspace(group), height, width))
    return image.flatten(-2)[:, index].transpose(0, 1).reshape(len(index), *image.shape)


def error(found: Tensor, wanted: Tensor) -> float:
    return float((found - wanted).abs().max() / wanted.abs().max())


def invariance_error(classifier: Classifier, group: str) -> float:
    torch.manual_seed(1)
    features = classifier.features(moved(torch.randn(classifier.architecture.image_shape).double(), group))
    return error(features, features[:1].expand_as(features))


@pytest.mark.parametrize("group", GRID_GROUPS)
@pytest.mark.parametrize("side", [28, 16, 9, 13, 34])
@torch.no_grad()
def test_features_and_logits_are_invariant_at_even_and_odd_sizes(group: str, side: int) -> None:
    classifier = build(group, (2, side, side))
    assert invariance_error(classifier, group) < 1e-12
    logits = classifier(moved(torch.randn(2, side, side).double(), group))
    assert error(logits, logits[:1].expand_as(logits)) < 1e-12


@pytest.mark.parametrize("group", GRID_GROUPS)
@torch.no_grad()
def test_equivariant_features_move_by_the_regular_representation(group: str) -> None:
    classifier = build(group, (1, 16, 16))
    found = classifier.equivariant_features(moved(torch.randn(1, 16, 16).double(), group))
    fibre = symmetry.gspace(group).fibergroup
    for number, element in enumerate(fibre.elements):
        matrix = torch.from_numpy(fibre.regular_representation(element))
        expected = found[0].unflatten(0, (-1, fibre.order())) @ matrix.T
        assert error(found[number], expected.flatten()) < 1e-12


@torch.no_grad()
def test_layer_that_breaks_the_symmetry_is_seen() -> None:
    classifier = build("C4", (1, 16, 16))
    ramp = torch.linspace(1, 1.1, 14).double()
    layer = next(module for module in classifier.trunk.modules() if type(module).__name__ == "Pointwise")
    layer.register_forward_hook(lambda _, __, out: layer.out_type(out.tensor * ramp))
    assert invariance_error(classifier, "C4") > 1e-4


@torch.no_grad()
def test_invariant_features_are_the_largest_of_each_field() -> None:
    classifier = build("D4", (1, 16, 16))
    image = torch.randn(4, 1, 16, 16).double()
    equivariant = classifier.equivariant_features(image)
    for field in range(5):
        expected = equivariant[:, 8 * field : 8 * field + 8].max(dim=1).values
        assert torch.equal(classifier.features(image)[:, field], expected)


def test_maps_of_28_pixels_shrink_as_in_the_source() -> None:
    classifier = build("C4", (1, 28, 28))
    shape, sides = (1, 1, 28, 28), []
    for layer in classifier.trunk:
        shape = layer.evaluate_output_shape(shape)
        sides.append(shape[-1])
    assert list(dict.fromkeys(sides)) == [26, 24, 12, 10, 8, 6, 4, 1]


def test_weights_are_those_of_the_sources_widths() -> None:
    classifier = Classifier("C4", 10, (1, 28, 28), features=10)
    weights = sum(p.numel() for name, p in classifier.named_parameters() if ".weights." in name)
    # Lifting 10 x 9; five times 10 x 10 fields x 4 rotations x 9 taps; 10 x 10 fields x 4 rotations x 16 taps.
    assert weights == 90 + 5 * 3600 + 6400


@pytest.mark.parametrize("side", [1, 2, 3, 4, 5, 7])
@torch.no_grad()
def test_tiny_images_are_classified_and_seen(side: int) -> None:
    classifier = build("C4", (1, side, side))
    logits = classifier(torch.randn(2, 1, side, side).double())
    assert (logits[0] - logits[1]).abs().max() > 1e-6
    assert invariance_error(classifier, "C4") < 1e-12


@torch.no_grad()
def test_rectangles_are_invariant_though_a_turn_swaps_their_sides() -> None:
    classifier = build("C4", (1, 12, 18))
    image = torch.randn(2, 1, 12, 18).double()
    turned = classifier.features(torch.rot90(image, 1, (2, 3)))
    assert error(turned, classifier.features(image)) < 1e-12


@torch.no_grad()
def test_large_images_are_shrunk_and_stay_invariant() -> None:
    classifier = build("C4", (1, 100, 100), widths=(2, 2, 2, 2))
    image = torch.randn(1, 1, 100, 100).double()
    assert classifier.side == 64
    assert error(classifier.features(image.flip(2, 3)), classifier.features(image)) < 1e-12


@torch.no_grad()
def test_shrinking_averages_what_it_cannot_keep() -> None:
    classifier = build("C4", (1, 192, 192), widths=(4, 4, 4, 4))
    stripes = torch.tensor([0.0, 1.0, 0.0]).double().repeat(64).expand(1, 1, 192, 192)
    # Three pixels become one: without averaging, the stripes would look like the brightest or the darkest line.
    gray, bright, dark = (classifier.features(torch.full_like(stripes, value)) for value in (1 / 3, 1.0, 0.0))
    found = classifier.features(stripes)
    assert 5 * error(found, gray) < min(error(found, bright), error(found, dark))


@pytest.mark.parametrize("group", ["C8", "D8"])
def test_group_off_the_grid_is_refused(group: str) -> None:
    with pytest.raises(SymmetryError, match=f"classifier of group {group}: only grid groups"):
        Classifier(group, 3, (1, 16, 16))


@torch.no_grad()
def test_logits_do_not_depend_on_batch_mates() -> None:
    classifier = build("C4", (1, 16, 16)).float()
    image = torch.randn(5, 1, 16, 16)
    torch.testing.assert_close(classifier(image)[2:3], classifier(image[2:3]), rtol=1e-5, atol=1e-6)
