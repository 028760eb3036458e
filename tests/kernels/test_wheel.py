"""What a user installs: the wheel, in an environment of its own that only borrows the dependencies."""

import os
import platform
import re
import shlex
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path, PurePosixPath
from shutil import copytree, ignore_patterns
from zipfile import ZipFile

import pytest

import steergan
from steergan.kernels.compiler import KernelBuildError, find_compiler

ROOT = Path(__file__).parents[2]
TELL = """
import importlib, os, pkgutil, steergan, steergan_cli
from steergan.kernels import library
found = library.native()
print(found and found.path)
print(os.path.exists(os.environ["STEERGAN_CACHE"]))
from steergan.recipe import bundled_names, read_recipe
print(len(bundled_names()), read_recipe("steergan:quickstart").name, read_recipe("mine.toml").generator.group)
for package in (steergan, steergan_cli):
    print(package.__file__)
    for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        print(found.name, importlib.import_module(found.name).__file__)
"""


def has_compiler() -> bool:
    try:
        return bool(find_compiler())
    except KernelBuildError:
        return False


def run(*command: str | Path, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | variables
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
    variables = {}
    if has_compiler():  # that takes its time where speed counts, and here it doesn't: its last -O is the one that holds
        compiler = folder / "compiler"
        compiler.write_text(f'#!/bin/sh\nexec {shlex.join(find_compiler())} "$@" -O0\n')
        compiler.chmod(0o755)
        variables["CXX"] = str(compiler)
    command = (sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", folder, source)
    built = run(*command, cwd=folder, **variables)
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
    files = [path for path in source.glob("steergan/**/*") if path.is_file() and path.parent.name != "__pycache__"]
    expected = {path.relative_to(source).as_posix() for path in files}
    expected |= {f"steergan_{path.relative_to(source).as_posix()}" for path in source.glob("cli/**/*.py")}
    expected |= {f"steergan/{path.relative_to(source).as_posix()}" for path in source.glob("recipes/**/*.toml")}
    held = {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name}
    compiled = {name for name in held - expected if PurePosixPath(name).match("steergan/kernels/native/fourier-*.*")}
    assert held == expected | compiled
    assert sorted(PurePosixPath(name).suffix for name in compiled) == ([".json", ".so"] if has_compiler() else [])
    assert wheel.stem.split("-")[2:4] == ["py3", "none"]
    assert wheel.stem.endswith("-any") != has_compiler()
    if sys.platform == "linux" and has_compiler() and platform.libc_ver()[0] == "glibc":
        assert re.search(r"-manylinux_2_\d+_\w+$", wheel.stem)


def test_wheel_is_pure_where_there_is_no_compiler(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.delenv("CXX", raising=False)
    built = run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", tmp_path, source, cwd=tmp_path)
    assert built.returncode == 0, built.stdout + built.stderr
    assert "no compiled kernels, they are built at first use: no C++ compiler found" in built.stdout + built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.stem.endswith("-py3-none-any")
    names = [PurePosixPath(name) for name in ZipFile(wheel).namelist()]
    assert [name for name in names if name.suffix == ".so"] == []
    assert "interface.h" in {name.name for name in names}


def test_editable_install_compiles_nothing(source: Path, tmp_path: Path) -> None:
    code = "import sys; from setuptools import build_meta; build_meta.build_editable(sys.argv[1])"
    built = run(sys.executable, "-c", code, tmp_path, cwd=source)
    assert built.returncode == 0, built.stdout + built.stderr
    (editable,) = tmp_path.iterdir()
    assert editable.stem.endswith("-any")
    paths = [ZipFile(editable).read(name).decode() for name in ZipFile(editable).namelist() if name.endswith(".pth")]
    on_path = [line for path in paths for line in path.splitlines() if not line.startswith("import")]
    assert on_path == [str(source)], "type checkers and folders above a clone find nothing"
    assert [*source.rglob("fourier-*.so")] == []


@pytest.fixture(scope="module")
def told(scripts: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What one process of that environment says of the installed packages."""
    folder = tmp_path_factory.mktemp("elsewhere")
    (folder / "mine.toml").write_text('extends = "steergan:rotmnist"\nname = "mine"\ngenerator = { group = "D4" }\n')
    found = run(scripts / "python", "-c", TELL, cwd=folder, STEERGAN_CACHE=str(folder / "none"))
    assert found.returncode == 0, found.stderr
    return found.stdout.splitlines()


PROJECT = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "client"
version = "1"
dependencies = ["steergan[all]"]

[tool.setuptools]
py-modules = ["client"]
"""


def test_a_project_that_depends_on_it_is_installed(scripts: Path, tmp_path: Path) -> None:
    """All dependencies are among the borrowed packages: pip finds them, or it would look for them and fail."""
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    (tmp_path / "client.py").write_text("from steergan import __file__ as place\n")
    pip = (sys.executable, "-m", "pip", "--python", scripts / "python")
    command = (*pip, "install", "--no-index", "--no-build-isolation", tmp_path)
    installed = run(*command, cwd=tmp_path, PIP_CONFIG_FILE=os.devnull)  # a machine's own constraints are not ours
    assert installed.returncode == 0, installed.stdout + installed.stderr
    code = "from importlib.metadata import requires, version; print(version('client'), *requires('steergan'), sep='|')"
    version, *needs = run(scripts / "python", "-c", code, cwd=scripts).stdout.strip().split("|")
    assert version == "1"
    assert not any(line.startswith("escnn") and "extra" not in line for line in needs), (
        "pip can't install escnn's needs"
    )


def test_what_an_index_shows_has_no_link_into_the_checkout(wheel: Path) -> None:
    archive = ZipFile(wheel)
    (metadata,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
    fields, _, text = archive.read(metadata).decode().partition("\n\n")
    assert "Description-Content-Type: text/markdown" in fields
    assert text.startswith("# steergan")
    assert re.findall(r"\]\((?!https://)|<img|src=", text) == []


@pytest.mark.thorough
def test_an_index_takes_the_wheel(wheel: Path, tmp_path: Path) -> None:
    checked = run(sys.executable, "-m", "twine", "check", "--strict", wheel, cwd=tmp_path)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    if "manylinux" not in wheel.stem:
        pytest.skip("this machine has no C++ compiler, or is no Linux with glibc")
    variables = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    command = (sys.executable, "-m", "auditwheel", "repair", "--exclude", "libgomp.so.1", "-w", tmp_path, wheel)
    repaired = run(*command, cwd=tmp_path, **variables)
    assert repaired.returncode == 0, repaired.stdout + repaired.stderr
    (made,) = tmp_path.glob("*.whl")
    assert re.findall(r"manylinux_2_\d+", wheel.stem)[0] in made.stem


CLIENT = """
import steergan
from steergan.verification import verify

reveal_type(steergan.__version__)
reveal_type(steergan.accelerate)
verify(None, level="six")
"""


@pytest.mark.thorough
@pytest.mark.parametrize("editable", [False, True])
def test_type_checkers_see_our_types(scripts: Path, tmp_path: Path, editable: bool) -> None:
    (tmp_path / "client.py").write_text(CLIENT)
    (tmp_path / "mypy.ini").write_text(
        "[mypy]\nignore_missing_imports = True\n"
        "[mypy-torch.*,numpy.*,scipy.*,escnn.*,pydantic.*,PIL.*,matplotlib.*,sympy.*]\nfollow_imports = skip\n"
    )
    python = sys.executable if editable else str(scripts / "python")
    command = (sys.executable, "-m", "mypy", "--python-executable", python, "client.py")
    said = run(*command, cwd=tmp_path).stdout
    assert 'Revealed type is "str"' in said or 'Revealed type is "builtins.str"' in said, said
    assert 'Revealed type is "def (model' in said, said
    assert 'Argument "level" to "verify" has incompatible type "str"; expected "int"' in said, said


def test_installed_package_runs_its_own_kernels(scripts: Path, told: list[str]) -> None:
    if not has_compiler():
        pytest.skip("this machine has no C++ compiler, so that the wheel has no kernels")
    path, cached = told[:2]
    assert Path(path).is_relative_to(scripts.parent)
    assert cached == "False"


def test_installed_command_tells_the_version(scripts: Path, tmp_path: Path) -> None:
    told = run(scripts / "steergan", "--version", cwd=tmp_path)
    assert (told.returncode, told.stdout) == (0, f"steergan {steergan.__version__}\n")


def test_recipes_travel_with_the_wheel(told: list[str]) -> None:
    assert told[2] == f"{len([*ROOT.glob('recipes/**/*.toml')])} quickstart D4"


def test_every_installed_module_can_be_imported(scripts: Path, told: list[str]) -> None:
    files = [line.split()[-1] for line in told[3:]]
    assert len(files) > 20
    assert all(Path(file).is_relative_to(scripts.parent) for file in files), told


def test_installed_command_has_its_commands_and_refuses_nonsense(scripts: Path, tmp_path: Path) -> None:
    refused = run(scripts / "steergan", "sample", "run", "--seeds", "5-2", cwd=tmp_path)
    assert refused.returncode == 2
    assert "the range 5-2 runs backwards; write 2-5" in refused.stderr.splitlines()[-1]
