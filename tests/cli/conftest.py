"""The command, called in this process."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from steergan_cli.main import steergan

Invoke = Callable[..., Result]


@pytest.fixture(scope="session")
def invoke() -> Invoke:
    """Call the command in this process."""

    def call(*arguments: str | Path) -> Result:
        return CliRunner().invoke(steergan, [str(argument) for argument in arguments], prog_name="steergan")

    return call
