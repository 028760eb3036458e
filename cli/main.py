"""The `steergan` command: sub-commands loaded when they are called, and one place where faults become exit codes."""

import difflib
import errno
import importlib
import importlib.metadata
import io
import logging
import os
import re
import sys
import threading
import traceback
import warnings
from collections.abc import Sequence
from typing import IO, Any

import click
from click.shell_completion import CompletionItem

COMMANDS = {
    "train": "Train a generator and a discriminator from a recipe.",
    "resume": "Continue a run that was stopped.",
    "sample": "Draw images from a trained generator.",
    "interpolate": "Draw paths between latents, and between classes.",
    "translate": "Translate images with a generator that was trained on pairs.",
    "project": "Find the latents whose images are nearest to given ones.",
    "export": "Write a network as plain torch, ONNX, or a folder for a model hub.",
    "evaluate": "Measure a trained generator against held-out images.",
    "recipe": "List and show recipes; tell every key with its meaning.",
    "data": "Prepare, list and look at data sets.",
    "features": "Train and check the feature extractors behind the metrics.",
    "verify-equivariance": "Prove that networks are equivariant, or name the layer that breaks them.",
    "report": "Write a run, or a study, as one page.",
    "study": "Train a grid of runs, and tabulate what came out.",
    "benchmark": "Time training steps and convolutions against their rivals.",
    "doctor": "Say what this installation can do; build the kernels.",
}
"""Name and short help of every command. The rest stands in a file of the same name, imported when needed: torch and
escnn take seconds to import, and `steergan --help` and the shell's completion should not."""

SHORT = 300
"""Characters that are shown whole, whatever they are."""
ENDS = {ord("\n"): None, ord("\t"): None}
SECONDS_UNTOLD = 1.0
"""After so long a person is told what is being loaded."""
INTERNAL_ERROR = 70
INTERRUPTED = 130


class Fault(click.ClickException):
    """What went wrong, in one line on stderr, and the exit code that says so to scripts."""

    exit_code: int  # type: ignore[misc]  # click calls it a class variable, and sets it on instances itself

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(as_line(message))
        self.exit_code = exit_code

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the line, unless another process of this run has."""
        training = sys.modules.get("steergan.training")
        if training is not None and not training.is_first_to_tell():
            return  # another process of this run has said it
        click.echo(f"steergan: {self.message}", file=file, err=file is None)


def fault_of(error: BaseException) -> Fault:
    """An exception as the line and the exit code that a user gets."""
    errors = sys.modules.get("steergan.errors")  # if it was never imported, the error can't be one of its own
    if errors is not None and isinstance(error, errors.SteerganError):
        return Fault(str(error), error.exit_code)
    if isinstance(error, ModuleNotFoundError) and (fault := fault_of_missing(error)) is not None:
        return fault
    if isinstance(error, KeyboardInterrupt):
        return Fault("interrupted; whatever was saved before is whole", INTERRUPTED)
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return Fault(f"{where}{error.strerror}", 1)
    said = " ".join(str(error).split())
    if isinstance(error, MemoryError):
        return Fault(f"out of memory{f' ({said})' * bool(said)}; end other programs, or use a machine with more", 1)
    if type(error).__name__ == "OutOfMemoryError" or "can't allocate memory" in said:  # torch's
        return Fault("out of memory; try a smaller training.batch_size, or another --device", 1)
    hint = "" if os.environ.get("STEERGAN_TRACEBACK") else "; STEERGAN_TRACEBACK=1 shows where"
    return Fault(f"internal error: {type(error).__name__}: {said} (please report{hint})", INTERNAL_ERROR)


def fault_of_missing(error: ModuleNotFoundError) -> Fault | None:
    """The line for a package that was imported without saying what for; None if no extra of ours installs it."""
    from steergan.extras import missing_package

    missing = missing_package(error, "the command")
    return None if missing is None else Fault(str(missing), missing.exit_code)


def as_line(text: str) -> str:
    """A text as `steergan.errors.one_line` shows it, which is imported only where that is another: it takes seconds."""
    if text.isprintable() and len(text) <= SHORT:
        return text
    from steergan.errors import one_line

    return one_line(text)


def in_a_line(fault: click.ClickException) -> click.ClickException:
    """A fault that click found, with a message that is one line."""
    if isinstance(fault, click.MissingParameter):  # its choices would stand in a line each
        return click.UsageError(as_line(" ".join(fault.format_message().split())), fault.ctx)
    fault.message = as_line(fault.message)  # type: ignore[misc]  # it was not shown yet
    return fault


class FaultGroup(click.Group):
    """A group whose commands end in one line and an exit code, whatever they raise."""

    def make_context(self, *arguments: Any, **more: Any) -> click.Context:
        """Click's context of a command, or its error, with what came shown escaped."""
        try:
            return super().make_context(*arguments, **more)
        except click.ClickException as fault:
            raise in_a_line(fault) from None

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, and turn whatever it raises into a `Fault`."""
        try:
            return super().invoke(ctx)
        except click.ClickException as fault:
            raise in_a_line(fault) from None
        except (click.exceptions.Exit, click.Abort):
            raise
        except (Exception, KeyboardInterrupt) as error:
            if isinstance(error, OSError) and error.errno == errno.EPIPE:
                raise  # whoever read our output has left; click ends quietly
            if os.environ.get("STEERGAN_TRACEBACK"):
                traceback.print_exc()
            raise fault_of(error) from error


class LazyGroup(FaultGroup):
    """A group whose commands are imported when they are called or their own help is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, none of them imported."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command; None if there is no such."""
        if cmd_name not in COMMANDS:
            return None
        name = cmd_name.replace("-", "_")
        command: click.Command = getattr(importlib.import_module(f".{name}", __package__), name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Refuse an unknown command with the nearest name."""
        nearest = difflib.get_close_matches(args[0], COMMANDS, n=1, cutoff=0.4)
        if args[0] not in COMMANDS and nearest and not ctx.resilient_parsing:
            ctx.fail(f"No such command {args[0]!r}. Did you mean {nearest[0]!r}?")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Names and short helps from the table."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Names that begin so, with their short helps."""
        names = [CompletionItem(name, help=text) for name, text in COMMANDS.items() if name.startswith(incomplete)]
        return names + click.Command.shell_complete(self, ctx, incomplete)


def print_version(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
    """What `--version` does."""
    if value and not ctx.resilient_parsing:
        click.echo(f"steergan {importlib.metadata.version('steergan')}")
        ctx.exit()


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Every command has examples: steergan COMMAND --help",
)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=print_version, help="Print the version."
)
def steergan() -> None:
    """Group-equivariant generative adversarial networks on escnn.

    \b
    A first run, two minutes on two CPU cores:
      steergan train steergan:quickstart
      steergan sample runs/00000-quickstart --seeds 0-15
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """The installed entry point."""
    silence_libraries()
    sys.stdout = Escaped.of(sys.stdout)
    waiting = threading.Timer(SECONDS_UNTOLD, tell_what_is_loaded)
    waiting.daemon = True
    if sys.stderr.isatty():
        waiting.start()
    try:
        steergan(arguments, prog_name="steergan")
    finally:
        waiting.cancel()


def tell_what_is_loaded() -> None:
    """Say what a person waits for, if it is that steergan is imported: torch and escnn take seconds."""
    spec = getattr(sys.modules.get("steergan"), "__spec__", None)
    if getattr(spec, "_initializing", False):  # importlib's own mark
        click.echo("loading torch and escnn ...", err=True)


class Escaped(io.TextIOWrapper):
    """Standard output on which no name that a file or class bears can steer a terminal, or be no text."""

    @classmethod
    def of(cls, stream: Any) -> Any:
        """A stream that writes where this one does."""
        if not isinstance(stream, io.TextIOWrapper):
            return stream  # of a notebook or a test
        stream.flush()
        return cls(stream.buffer, stream.encoding, "backslashreplace", line_buffering=stream.line_buffering)

    def write(self, text: str, /) -> int:
        """Write a text; ends of lines and tabs are its own."""
        if text.translate(ENDS).isprintable():
            return super().write(text)
        from steergan.errors import escaped

        super().write("".join(part if part in "\n\t" else escaped(part) for part in re.split(r"([\n\t])", text)))
        return len(text)


class OneLine(logging.Formatter):
    """A line for each word of our own or of a library."""

    def format(self, record: logging.LogRecord) -> str:
        """The name of who speaks, and what it says."""
        return as_line(super().format(record))


def silence_libraries() -> None:
    """Warnings of libraries are for developers, so they are not shown."""
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
    handler = logging.StreamHandler()
    handler.setFormatter(OneLine("%(name)s: %(message)s"))
    logging.basicConfig(level=logging.ERROR, handlers=[handler])
    logging.getLogger("steergan").setLevel(logging.WARNING)  # our own are for users, and few
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
