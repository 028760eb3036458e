"""What a user installs: the wheel, in an environment of its own that only borrows the dependencies."""

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from shutil import copytree, ignore_patterns
from zipfile import ZipFile

import pytest

import steergan

ROOT = Path(__file__).parents[1]
IMPORT_ALL = """
import importlib, pkgutil, steergan, steergan_cli
for package in (steergan, steergan_cli):
    print(package.__file__)
    for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        print(found.name, importlib.import_module(found.name).__file__)
"""


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    return subprocess.run([str(part) for part in command], cwd=cwd, env=environment, capture_output=True, text=True)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the checkout, so that building leaves nothing behind in it."""
    folder = tmp_path_factory.mktemp("copy") / "source"
    skipped = ignore_patterns(".*", "__pycache__", "*.egg-info", "build", "dist", "runs", "shared", "uv.lock")
    return Path(copytree(ROOT, folder, ignore=skipped))


@pytest.fixture(scope="module")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    built = run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", folder, source, cwd=folder)
    assert built.returncode == 0, built.stdout + built.stderr
    return next(folder.glob("steergan-*.whl"))


@pytest.fixture(scope="module")
def scripts(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the installed commands are. Borrowed packages come after the installed one, and the checkout not at all."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder)
    paths = {"base": str(folder), "platbase": str(folder)}
    places = Path(sysconfig.get_path("purelib", "venv", paths)), Path(sysconfig.get_path("scripts", "venv", paths))
    pip = (sys.executable, "-m", "pip", "--python", places[1] / "python")
    installed = run(*pip, "install", "--no-deps", "--no-index", wheel, cwd=folder)
    assert installed.returncode == 0, installed.stdout + installed.stderr
    (places[0] / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return places[1]


def test_wheel_holds_every_file_of_the_library_and_no_test(source: Path, wheel: Path) -> None:
    expected = {path.relative_to(source).as_posix() for path in source.glob("steergan/**/*") if path.is_file()}
    expected |= {f"steergan_cli/{path.name}" for path in source.glob("cli/*.py")}
    held = {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert held == expected


def test_installed_command_tells_the_version(scripts: Path, tmp_path: Path) -> None:
    told = run(scripts / "steergan", "--version", cwd=tmp_path)
    assert (told.returncode, told.stdout) == (0, f"steergan {steergan.__version__}\n")


def test_every_installed_module_can_be_imported(scripts: Path, tmp_path: Path) -> None:
    found = run(scripts / "python", "-c", IMPORT_ALL, cwd=tmp_path)
    assert found.returncode == 0, found.stderr
    files = [line.split()[-1] for line in found.stdout.splitlines()]
    assert len(files) > 20
    assert all(Path(file).is_relative_to(scripts.parent) for file in files), found.stdout


def test_installed_command_has_its_commands_and_refuses_nonsense(scripts: Path, tmp_path: Path) -> None:
    refused = run(scripts / "steergan", "sample", "run", "--seeds", "5-2", cwd=tmp_path)
    assert refused.returncode == 2
    assert "the range 5-2 runs backwards; write 2-5" in refused.stderr.splitlines()[-1]
