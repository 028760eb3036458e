"""Files of certificates: those that hold none are bad usage, and networks that they do not know differ."""

from pathlib import Path

import pytest

from tests.cli.test_verify_equivariance import module  # noqa: F401  # a fixture
from tests.commands import invoke


def test_networks_that_the_file_does_not_know_differ(module: str, tmp_path: Path) -> None:  # noqa: F811
    (tmp_path / "empty.json").write_text('{"networks": []}')
    told = invoke("verify-equivariance", f"{module}:right", "--sizes", "5", "--check", "empty.json")
    assert told.exit_code == 1
    assert "DIFFERS (no certificate of it)" in told.stdout


@pytest.mark.parametrize("text", [None, "nonsense", "[]", "{}", '{"networks": [{}]}', '{"networks": 3}'])
def test_a_file_that_holds_no_certificates_is_bad_usage(
    module: str,  # noqa: F811
    tmp_path: Path,
    text: str | None,
) -> None:
    if text is not None:
        (tmp_path / "wrong.json").write_text(text)
    refused = invoke("verify-equivariance", f"{module}:right", "--check", "wrong.json")
    assert refused.exit_code == 2
    assert "wrong.json" in refused.stderr
