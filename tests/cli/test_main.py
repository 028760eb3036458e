"""The command as such: what it loads when, and how faults become lines and exit codes."""

import errno
import os
import subprocess
import sys
import sysconfig
import warnings
from pathlib import Path
from types import SimpleNamespace

import click
import pytest
import torch
from click.testing import Result

import steergan_cli
from steergan.errors import DataError, RecipeError, RunError, SteerganError, SymmetryError
from steergan_cli import main as entry
from steergan_cli.main import COMMANDS, steergan
from tests.commands import invoke
from tests.processes import WARM, forked, tell_of_the_compiler

SCRIPT = str(Path(sysconfig.get_path("scripts")) / "steergan")


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> Result:
    """What the user sees if a command raises the error."""

    @click.command()
    def fails() -> None:
        raise error

    monkeypatch.setattr(steergan, "get_command", lambda ctx, name: fails)
    return invoke("train")


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["train", "--help"], ["sample", "-h"]])
def test_help_and_version_do_not_wait_for_torch(arguments: list[str]) -> None:
    code = (
        f"import sys; from steergan_cli.main import steergan; steergan({arguments}, standalone_mode=False);"
        "print([name for name in ('torch', 'escnn', 'numpy', 'matplotlib') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert found.stdout.splitlines()[-1] == "[]", found.stdout + found.stderr


def test_a_run_does_not_wait_for_torchs_compiler() -> None:
    ours, theirs = WARM.Pipe(duplex=False)
    with forked(tell_of_the_compiler, theirs):
        assert ours.recv() is False


def test_installed_command_answers_help_and_imports_nothing_that_takes_seconds() -> None:
    environment = {**os.environ, "PYTHONPROFILEIMPORTTIME": "1"}
    found = subprocess.run([SCRIPT, "--help"], capture_output=True, text=True, env=environment)
    assert found.returncode == 0
    assert all(name in found.stdout for name in COMMANDS)
    imported = {line.rpartition("|")[2].strip() for line in found.stderr.splitlines()}
    assert "steergan_cli.main" in imported
    assert imported.isdisjoint({"torch", "escnn", "numpy", "matplotlib", "scipy", "pydantic"})


def test_package_can_be_run_as_a_module() -> None:
    found = subprocess.run([sys.executable, "-m", "steergan_cli", "--version"], capture_output=True, text=True)
    assert found.returncode == 0
    assert found.stdout.startswith("steergan")


def test_shell_completion_offers_commands_and_options_without_torch() -> None:
    code = (
        "import os, sys; from steergan_cli.main import main\n"
        "try: main([])\n"
        "finally: print([name for name in ('torch', 'escnn') if name in sys.modules])"
    )
    for words, expected in {"steergan s": "plain,sample", "steergan train --d": "plain,--dry-run"}.items():
        wanted = {"_STEERGAN_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1)}
        found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=wanted)
        assert expected in found.stdout.splitlines(), found.stdout + found.stderr
        assert found.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_every_command_has_an_example(name: str) -> None:
    told = invoke(name, "--help")
    assert told.exit_code == 0, told.output
    assert f"  steergan {name} " in told.stdout.partition("Example")[2]


def test_every_command_file_is_in_the_table() -> None:
    folder = Path(entry.__file__).parent
    files = {path.stem for path in folder.glob("*.py")} | {path.parent.name for path in folder.glob("*/__init__.py")}
    shared = {"__init__", "__main__", "main", "options", "backbone_options", "certificates", "field_types", "progress"}
    shared |= {"other_inputs"}
    below = {"data_symmetry"}  # a command of the group `data`
    assert files - shared - below == {name.replace("-", "_") for name in COMMANDS}


@pytest.mark.parametrize("name", COMMANDS)
def test_command_files_bear_their_commands_names(name: str) -> None:
    command = steergan.get_command(click.Context(steergan), name)
    assert command is not None
    assert command.name == name


def test_unknown_command_is_refused_with_the_nearest() -> None:
    refused = invoke("verify")
    assert refused.exit_code == 2
    assert "No such command 'verify'. Did you mean 'verify-equivariance'?" in refused.stderr


def test_unknown_option_is_a_usage_error() -> None:
    refused = invoke("train", "recipe.toml", "--dry")
    assert refused.exit_code == 2
    assert "--dry-run" in refused.stderr


@pytest.mark.parametrize(
    ("error", "line", "code"),
    [
        (SteerganError("no\nluck, \x1b[31mred"), "steergan: no\\nluck, \\x1b[31mred\n", 1),
        (RecipeError("recipe.toml: unknown key x"), "steergan: recipe.toml: unknown key x\n", 2),
        (DataError("no data"), "steergan: no data\n", 1),
        (SymmetryError("no symmetry"), "steergan: no symmetry\n", 1),
        (RunError("no run"), "steergan: no run\n", 1),
        (OSError(errno.ENOSPC, "No space left on device"), "steergan: No space left on device\n", 1),
        (PermissionError(errno.EACCES, "Permission denied", "a/b"), "steergan: a/b: Permission denied\n", 1),
        (MemoryError(), "steergan: out of memory; end other programs, or use a machine with more\n", 1),
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
            "steergan: out of memory; try a smaller training.batch_size, or another --device\n",
            1,
        ),
        (
            torch.OutOfMemoryError("CUDA out of memory"),
            "steergan: out of memory; try a smaller training.batch_size, or another --device\n",
            1,
        ),
        (KeyboardInterrupt(), "steergan: interrupted; whatever was saved before is whole\n", 130),
        (
            TypeError("'NoneType' object\nis not iterable"),
            "steergan: internal error: TypeError: 'NoneType' object is not iterable "
            "(please report; STEERGAN_TRACEBACK=1 shows where)\n",
            70,
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_every_fault_is_one_line_and_an_exit_code(
    error: BaseException, line: str, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = failing(monkeypatch, error)
    assert (seen.stderr, seen.exit_code, seen.stdout) == (line, code, "")


def test_traceback_is_shown_to_who_asks_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEERGAN_TRACEBACK", "1")
    seen = failing(monkeypatch, TypeError("broken"))
    assert "Traceback (most recent call last)" in seen.stderr
    assert "in fails" in seen.stderr
    assert seen.stderr.splitlines()[-1] == "steergan: internal error: TypeError: broken (please report)"


def test_closed_pipe_ends_quietly(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = failing(monkeypatch, BrokenPipeError(errno.EPIPE, "Broken pipe"))
    assert (seen.exit_code, seen.output) == (1, "")


def test_warnings_of_libraries_are_not_shown_to_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "warnoptions", [])
    with warnings.catch_warnings(record=True) as seen:
        with pytest.raises(SystemExit) as ended:
            entry.main(["--version"])
        warnings.warn("a library is unhappy", stacklevel=1)
    assert ended.value.code == 0
    assert seen == []


def test_what_is_printed_steers_no_terminal_and_names_that_are_no_text_are_printed(tmp_path: Path) -> None:
    with (tmp_path / "out").open("w", encoding="utf-8") as file:
        stream = entry.Escaped.of(file)
        stream.write("two lines\nand\ta tab, \x1b[2J\r, caf\udce9, \u202egnp\n")
        stream.flush()
    wanted = "two lines\nand\ta tab, \\x1b[2J\\r, caf\\udce9, \\u202egnp\n"
    assert (tmp_path / "out").read_text(encoding="utf-8") == wanted


@pytest.mark.parametrize("words", [["train", "x\x1b[2J\n.toml"], ["sample", "x", "--seeds", "\x1b[2J"], ["\x1b[2J"]])
def test_what_came_is_shown_escaped(words: list[str]) -> None:
    refused = invoke(*words)
    assert refused.exit_code == 2
    assert r"\x1b[2J" in refused.stderr
    assert "\x1b" not in refused.stderr


@pytest.mark.parametrize("initializing", [True, False])
def test_a_person_is_told_while_steergan_is_imported(
    initializing: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "steergan", SimpleNamespace(__spec__=SimpleNamespace(_initializing=initializing)))
    entry.tell_what_is_loaded()
    assert capsys.readouterr().err == "loading torch and escnn ...\n" * initializing


def test_a_missing_package_is_one_line_that_names_its_extra() -> None:
    fault = entry.fault_of(ModuleNotFoundError("No module named 'h5py'", name="h5py"))
    assert (fault.exit_code, fault.message) == (
        2,
        'the command needs h5py, which is not installed: pip install "steergan[data]"',
    )
    assert "internal error" in entry.fault_of(ModuleNotFoundError("odd", name="odd")).message


def test_without_click_the_command_ends_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "steergan_cli.main")
    monkeypatch.setitem(sys.modules, "click", None)
    with pytest.raises(SystemExit, match=r'needs click, .*: pip install "steergan\[train\]"'):
        steergan_cli.command()
