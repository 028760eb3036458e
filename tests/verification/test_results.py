"""Types of several results, in order or by name."""

import pytest

from steergan.errors import SubjectError
from steergan.verification import verify
from tests.verification.test_inference import REGULAR, Way


def test_several_results_are_stated_in_order_or_by_name() -> None:
    two = Way(lambda y: {"map": y, "score": y.mean((1, 2, 3))})
    assert verify(two, 5, out_type={"map": REGULAR}, level=2).verdict == "proved"
    assert verify(two, 5, out_type=(REGULAR, None), level=2).verdict == "proved"
    with pytest.raises(SubjectError, match="out_type names 'pose'; its result has map, score"):
        verify(two, 5, out_type={"pose": REGULAR})
    with pytest.raises(SubjectError, match="returns 2 tensors, and out_type says 1"):
        verify(two, 5, out_type=(REGULAR,))
    with pytest.raises(SubjectError, match=r"is not \(B, 8\) or \(B, 8, H, W\)"):
        verify(Way(lambda y: y.mean((1, 2, 3))), 5, out_type=REGULAR)
