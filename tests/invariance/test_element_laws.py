"""Element by element: what leaves a law as it is, is told from what does not."""

import torch

from steergan.invariance.element_laws import ElementLaw, corrected, element_law, significant, transformed
from steergan.symmetry import gspace


def test_the_elements_that_leave_a_law_as_it_is_are_told_from_the_others() -> None:
    """Noise around the letter T, which only the reflection of left and right maps onto itself."""
    letter = torch.zeros(1, 7, 7)
    letter[:, 1, 1:6] = letter[:, 1:6, 3] = 60
    stream = torch.Generator().manual_seed(0)
    first, second = (letter + torch.randint(150, (80, 1, 7, 7), generator=stream) for _ in range(2))
    x, labels = first.flatten(1).double().numpy(), (torch.arange(80) % 3).numpy()
    control, *laws = [
        element_law(name, x, moved.flatten(1).double().numpy(), labels, permutations=199, seed=0)
        for name, moved in transformed(second, gspace("D4"))
    ]
    assert (control.element, len(laws)) == ("the identity", 7)
    assert control.p_value > 0.05
    assert {law.element for law in laws} - set(significant(corrected(laws))) == {"the reflection of left and right"}


def test_images_are_transformed_as_their_names_say() -> None:
    images = torch.arange(2 * 3 * 5 * 5).view(2, 3, 5, 5)
    found = dict(transformed(images, gspace("D4")))
    assert len(found) == 8
    assert torch.equal(found["the identity"], images)
    assert torch.equal(found["the rotation by 90 degrees"], images.rot90(1, (2, 3)))
    assert torch.equal(found["the rotation by 270 degrees"], images.rot90(3, (2, 3)))
    assert torch.equal(found["the reflection of left and right"], images.flip(3))
    assert torch.equal(found["the reflection of up and down"], images.flip(2))
    assert torch.equal(found["the reflection about the falling diagonal"], images.mT)


def test_corrected_laws_keep_their_order_and_their_own_p_values() -> None:
    laws = [ElementLaw(name, 0.0, p, p, 0.0) for name, p in (("a", 0.03), ("b", 0.01))]
    assert [(law.element, law.p_value, law.adjusted_p_value) for law in corrected(laws)] == [
        ("a", 0.03, 0.03), ("b", 0.01, 0.02),
    ]  # fmt: skip
    assert significant(corrected(laws)) == ("a", "b")
    assert significant([laws[0], ElementLaw("c", 0.0, 0.01, 0.06, 0.0)]) == ("a",)
