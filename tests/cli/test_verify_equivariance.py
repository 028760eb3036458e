"""The verdict over measured errors: what rounding explains holds, and nothing larger."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from steergan import run
from steergan.verification import EquivarianceErrors
from steergan_cli.main import steergan


def errors(group: str, float32: float, float64: float) -> EquivarianceErrors:
    elements = ("identity", "turn")
    return EquivarianceErrors("net", "invariant", group, elements, (0.0, float32), (0.0, float64))


@pytest.mark.parametrize(
    ("group", "float32", "float64", "verdict"),
    [
        ("C4", 3e-7, 4e-16, True),
        ("C4", 3e-7, 1e-7, False),
        ("D4", 2e-5, 4e-16, False),
        ("C8", 3e-7, 1e-7, True),
        ("D8", 3e-7, 1e-5, False),
        ("C4", float("nan"), 0.0, False),
        ("C4", float("inf"), float("inf"), False),
    ],
)
def test_only_errors_of_rounding_hold(group: str, float32: float, float64: float, verdict: bool) -> None:
    assert errors(group, float32, float64).holds == verdict


def test_one_broken_run_among_good_ones_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {Path("good"): [errors("C4", 1e-7, 1e-16)], Path("bad"): [errors("C4", 0.1, 0.1)], Path("plain"): []}
    monkeypatch.setattr(run, "verify", lambda path: found[path])
    told = CliRunner().invoke(steergan, ["verify-equivariance", "good", "bad", "plain"], prog_name="steergan")
    assert told.exit_code == 1
    assert told.stderr == "not equivariant: bad\n"
    rows = {line.split()[0]: line for line in told.stdout.splitlines()}
    assert rows["good"].endswith("  C4       invariant  2         1.0e-07  1.0e-16  holds")
    assert rows["bad"].endswith("BROKEN")
    assert rows["plain"].endswith("nothing to verify")
