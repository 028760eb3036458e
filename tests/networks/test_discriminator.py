"""The discriminator's score does not change when the image is turned, and paper pooling shows why sizes matter."""

import pytest
import torch
from escnn.nn import FieldType

from steergan.errors import SymmetryError
from steergan.networks import Discriminator, DiscriminatorSpec
from steergan.symmetry import gspace, trivial_type
from steergan.verification import MODES, Certificate, grid_elements, transform, verify


def small(group: str, size: int = 28, pooling: str = "exact") -> Discriminator:
    torch.manual_seed(0)
    spec = DiscriminatorSpec(group=group, widths=(8, 8, 8), pooling=pooling)
    return Discriminator(spec, (1, size, size), 3)


def invariance(
    discriminator: Discriminator, image_type: FieldType | None = None, modes: tuple[str, ...] = MODES
) -> Certificate:
    """The certificate of f(g image, y) = f(image, y), at the size of the images."""
    return verify(
        discriminator,
        [discriminator.image_shape[1:]],
        "invariant",
        in_type=image_type or discriminator.trunk.in_type,
        others=(torch.tensor([0, 2]),),
        call=lambda module, image, others: module(image, *others),
        modes=modes,
    )


@pytest.mark.parametrize(("group", "elements"), [("C2", 2), ("C4", 4), ("D1", 2), ("D2", 4), ("D4", 8)])
@pytest.mark.parametrize("size", [16, 28, 30])
def test_score_is_proved_invariant_for_every_element_and_both_parities(group: str, elements: int, size: int) -> None:
    found = invariance(small(group, size))
    assert found.verdict == "proved", found.sentence
    assert len(found.elements) == elements
    assert found.counts()["bounded"] == 0
    errors = [r.finding.bound for r in found.records if r.level == 4]
    assert len(errors) == 2
    assert all(error is not None and error < 1e-5 for error in errors)


def test_score_is_proved_invariant_at_quarter_turns_off_the_grid() -> None:
    found = invariance(small("C8"), modes=("evaluation",))
    assert found.verdict == "proved", found.sentence
    assert found.group == "C8 at multiples of 90 degrees"


def test_the_plain_cnn_is_not_invariant_under_quarter_turns_and_claims_nothing() -> None:
    """The control that must fail: otherwise the checks above show nothing."""
    discriminator, image_type = small("trivial").eval(), trivial_type(gspace("C4"), 1)
    assert invariance(discriminator, image_type).verdict == "no claim"
    image, y = torch.randn(2, 1, 28, 28), torch.tensor([0, 2])
    with torch.no_grad():
        score = discriminator(image, y)
        for matrix in list(grid_elements(image_type.gspace))[1:]:
            turned = discriminator(transform(image, image_type, matrix), y)
            assert (turned - score).abs().max() > 1e-3 * score.abs().max()


def test_paper_pooling_breaks_the_invariance_at_7_to_3_and_the_layer_is_named() -> None:
    found = invariance(small("C4", 28, "paper"), modes=("evaluation",))
    assert found.verdict == "broken"
    fault = found.first_fault
    assert fault is not None
    assert fault.path == "trunk.stages.8"
    assert fault.layer == "AveragePool"
    assert "size 7 " in fault.finding.witness
    assert "size 7 " in found.sentence
    assert max(r.finding.bound or 0 for r in found.records if r.level == 4) > 1e-3
    assert invariance(small("C4", 32, "paper"), modes=("evaluation",)).verdict == "proved"


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
        trunk = Discriminator(DiscriminatorSpec(group=group), (1, 28, 28), 10).trunk
        counts[group] = sum(p.numel() for name, p in trunk.named_parameters() if "bias" not in name)
    assert counts == {"trivial": 1_475_712, "C4": 1_475_136}


def test_maps_that_cannot_be_pooled_are_refused_with_the_layer() -> None:
    with pytest.raises(SymmetryError, match=r"stage 3.*1 x 1"):
        small("C4", 4)
    with pytest.raises(SymmetryError, match=r"stage 2.*5 x 6"):
        Discriminator(DiscriminatorSpec(group="D2", widths=(8, 8, 8)), (1, 10, 12), 3)
    with pytest.raises(SymmetryError, match="90 degrees"):
        Discriminator(DiscriminatorSpec(group="D4"), (1, 16, 20), 3)
