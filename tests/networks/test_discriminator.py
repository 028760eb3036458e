"""The discriminator's score does not change when the image is turned, and paper pooling shows why sizes matter."""

import pytest
import torch

from steergan.errors import SymmetryError
from steergan.networks import Discriminator
from steergan.symmetry import gspace, trivial_type
from steergan.verification import EquivarianceErrors, equivariance_errors


def small(group: str, size: int = 28, pooling: str = "exact") -> Discriminator:
    torch.manual_seed(0)
    return Discriminator(group, (1, size, size), 3, widths=(8, 8, 8), pooling=pooling)


def invariance(discriminator: Discriminator) -> EquivarianceErrors:
    y = torch.tensor([0, 2])
    image_type = discriminator.trunk.in_type
    size = discriminator.image_shape[1]
    return equivariance_errors(
        "discriminator",
        discriminator,
        lambda m, x: m(x, y)[:, None, None, None],
        torch.randn(2, image_type.size, size, size, dtype=torch.float64),
        image_type,
        None,
    )


@pytest.mark.parametrize("group", ["C2", "C4", "D1", "D2", "D4"])
@pytest.mark.parametrize("size", [16, 28, 30])
def test_score_is_invariant_for_every_element_and_both_parities(group: str, size: int) -> None:
    errors = invariance(small(group, size))
    assert errors.worst32 < 1e-5
    assert errors.worst64 < 1e-12


def test_score_is_invariant_at_quarter_turns_off_the_grid() -> None:
    assert invariance(small("C8")).worst64 < 1e-6


def test_the_plain_cnn_is_not_invariant_under_quarter_turns() -> None:
    """The control that must fail: otherwise the check above shows nothing."""
    discriminator = small("trivial")
    y = torch.tensor([0, 2])
    errors = equivariance_errors(
        "discriminator",
        discriminator,
        lambda m, x: m(x, y)[:, None, None, None],
        torch.randn(2, 1, 28, 28, dtype=torch.float64),
        trivial_type(gspace("C4"), 1),
        None,
    )
    assert errors.worst64 > 1e-3


def test_paper_pooling_breaks_the_invariance_at_7_to_3() -> None:
    assert invariance(small("C4", 28, "paper")).worst64 > 1e-3
    assert invariance(small("C4", 32, "paper")).worst64 < 1e-12


@pytest.mark.parametrize(("pooling", "last"), [("exact", 4), ("paper", 3)])
def test_the_odd_map_is_pooled_as_asked(pooling: str, last: int) -> None:
    discriminator = small("C4", 28, pooling)
    assert discriminator.trunk.evaluate_output_shape((1, 1, 28, 28)) == (1, 16, last, last)
    out = discriminator.trunk(discriminator.trunk.in_type(torch.zeros(1, 1, 28, 28)))
    assert tuple(out.shape) == (1, 16, last, last)


def test_parameters_at_the_papers_widths_are_those_that_were_counted() -> None:
    """1,475,712 and 1,475,136 weights in the convolutions of the z2 and p4 discriminators (Tables 5 and 6)."""
    counts = {}
    for group in ("trivial", "C4"):
        trunk = Discriminator(group, (1, 28, 28), 10).trunk
        counts[group] = sum(p.numel() for name, p in trunk.named_parameters() if "bias" not in name)
    assert counts == {"trivial": 1_475_712, "C4": 1_475_136}


def test_maps_that_cannot_be_pooled_are_refused_with_the_layer() -> None:
    with pytest.raises(SymmetryError, match=r"stage 3.*1 x 1"):
        small("C4", 4)
    with pytest.raises(SymmetryError, match=r"stage 2.*5 x 6"):
        Discriminator("D2", (1, 10, 12), 3, widths=(8, 8, 8))
    with pytest.raises(SymmetryError, match="90 degrees"):
        Discriminator("D4", (1, 16, 20), 3)
