"""Random programs: what the laws of operations, one after the other, predict of v(g x) is what comes out on numbers."""

from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from steergan.verification.laws.law import Lost
from steergan.verification.laws.rules import RULES
from tests.verification.laws.programs import SPACES, STEPS, assert_law, elements_of, field_type, law_by_tracking

CONTINUOUS = STEPS.keys() - {"sign", "floor", "kept where largest"}
"""Those that may follow on others: where rounding moves a zero, or parts what is equal, the others jump."""


@settings(max_examples=60)
@given(
    group=st.sampled_from(sorted(SPACES)),
    kind=st.sampled_from(["regular", "signs", "mixed"]),
    program=st.lists(st.sampled_from(sorted(CONTINUOUS)), min_size=1, max_size=4),
)
def test_laws_of_random_programs_are_what_happens(group: str, kind: str, program: list[str]) -> None:
    in_type, elements = field_type(group, kind), elements_of(group)

    def function(x: Tensor) -> Tensor:
        for name in program:
            x = STEPS[name](x)
        return x

    assert_law(law_by_tracking(function, in_type, elements), function, in_type, elements)


def test_most_operations_keep_their_law() -> None:
    """Otherwise the tests above would show nothing."""
    in_type, elements = field_type("D4", "regular"), elements_of("D4")
    lost = {name for name, step in STEPS.items() if isinstance(law_by_tracking(step, in_type, elements), Lost)}
    assert lost == {"pooled askew", "spread askew", "attended by column"}, lost


def test_every_operator_has_one_rule_under_a_name_of_torch() -> None:
    import torch

    own = [name for name in RULES if "::" in name]
    assert own == ["steergan::convolve"]
    missing = [name for name in RULES if "::" not in name and not hasattr(torch.ops.aten, name)]
    missing = [name for name in missing if not hasattr(torch.ops.aten, f"{name}_")]
    assert missing == []
