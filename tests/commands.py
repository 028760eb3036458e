"""The command, called in this process."""

from click.testing import CliRunner, Result

from steergan_cli.main import steergan


def invoke(*arguments: object) -> Result:
    """`steergan ARGUMENTS`: exit code, output, errors."""
    return CliRunner().invoke(steergan, [str(argument) for argument in arguments], prog_name="steergan")
