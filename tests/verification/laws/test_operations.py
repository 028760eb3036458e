"""Operations that rearrange entries or change each, each by itself: its law predicts what comes out on numbers."""

import pytest

from tests.verification.laws.programs import (
    MATRICES,
    NORMS,
    PRODUCTS,
    REDUCTIONS,
    RESAMPLED,
    STEPS,
    assert_law_of_step,
)


@pytest.mark.parametrize("name", sorted(STEPS.keys() - REDUCTIONS - NORMS - PRODUCTS - RESAMPLED - MATRICES))
def test_the_law_of_every_operation_is_what_happens(name: str) -> None:
    assert_law_of_step(STEPS[name])
