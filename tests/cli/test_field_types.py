"""Field types as options, completed by the shell."""

import steergan.symmetry
from steergan_cli.field_types import GROUPS, completions


def test_field_types_are_completed() -> None:
    assert completions("3*tri") == ["3*trivial"]
    assert completions("a=2*regular+irr") == ["a=2*regular+irrep_"]
    assert "regular@D4" in completions("regular")
    assert completions("irrep_1,1@D") == ["irrep_1,1@D1", "irrep_1,1@D2", "irrep_1,1@D4", "irrep_1,1@D8"]
    assert completions("irrep_") == []
    assert GROUPS == steergan.symmetry.GROUPS
