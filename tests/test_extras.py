"""What needs which package: the core few, everything else an extra that is named when it is missing."""

import ast
import re
import subprocess
import sys
import tomllib
import warnings
from collections.abc import Mapping
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import escnn
import pytest

from steergan.escnn_at_import import WIGNER
from steergan.extras import EXTRAS, MissingPackageError, missing_package, needed_by
from tests.processes import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CORE = {"torch", "numpy", "scipy", "joblib", "filelock"}
ESCNN_DEMANDS = {"torch", "numpy", "scipy", "joblib"}
ESCNN_TRIES = {"lie_learn", "py3nj", "pymanopt", "autograd", "sklearn", "torch_geometric"}
"""What escnn does without: what we stand in for, and what it imports in a `try` or in a module that nobody asks for."""
CORE_ONLY = """
import importlib.abc, sys
blocked = set(sys.argv[1].split(","))
class Blocked(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in blocked:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Blocked())

import steergan
import torch
from escnn import gspaces, group
from escnn.nn import FieldType, GroupPooling, R2Conv, ReLU, SequentialModule
from steergan.layers import GroupConvolution
from steergan.verification import verify

space = gspaces.rot2dOnR2(4)
image, fields = FieldType(space, [space.trivial_repr]), FieldType(space, 2 * [space.regular_repr])
print(verify(SequentialModule(GroupConvolution(image, fields, 3), GroupPooling(fields)), sizes=[5], level=4).verdict)
model = SequentialModule(R2Conv(image, fields, 3), ReLU(fields), R2Conv(fields, fields, 3), GroupPooling(fields))
x = image(torch.randn(1, 1, 5, 5))
with torch.no_grad():
    before = model(x).tensor
    model = steergan.accelerate(model, sizes=5)
    assert torch.allclose(model(x).tensor, before, atol=1e-5)
turning = FieldType(gspaces.rot2dOnR2(8), [gspaces.rot2dOnR2(8).regular_repr])
GroupConvolution(turning, turning, 3)
class Blank(torch.nn.Module):
    z_dim, classes, image_shape = 2, 1, (1, 4, 4)
    def forward(self, z, y):
        return torch.arange(16.0).view(1, 1, 4, 4).expand(len(z), -1, -1, -1)
turned = steergan.symmetrize(Blank(), "C4")(torch.zeros(1, 2), torch.zeros(1).long(), torch.ones(1).long())
assert torch.equal(turned, torch.rot90(torch.arange(16.0).view(1, 1, 4, 4), 1, (2, 3)))
found = steergan.export(torch.nn.Sequential(), 5, in_type=image, certify=False)
assert found.module(torch.ones(1, 1, 5, 5)).sum() == 25
for room in ("recipe", "training", "run", "results", "pictures"):
    try:
        __import__(f"steergan.{room}")
    except ImportError as error:
        print(error)
try:
    print(group.so3_group(1).irrep(1)(group.so3_group(1).sample()))
except NotImplementedError as error:
    print(type(error).__name__)
print("lie_learn.representations.SO3.wigner_d" in sys.modules, "sklearn" in sys.modules)
"""
"""A process of a user who has nothing but the core and escnn."""


def third_party(folder: Path) -> dict[str, set[str]]:
    """Packages that the files below a folder import, and which of them from where."""
    found: dict[str, set[str]] = {}
    for path in folder.rglob("*.py"):
        with warnings.catch_warnings():  # escnn's docstrings have backslashes that Python warns of
            warnings.simplefilter("ignore")
            tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level and node.module is not None:
                names = [node.module]
            for name in names:
                found.setdefault(name.partition(".")[0], set()).add(name)
    own = {*sys.stdlib_module_names, folder.name, "steergan", "steergan_cli"}
    return {package: names for package, names in found.items() if package not in own}


@cache
def installed() -> Mapping[str, list[str]]:
    """Packages and the distributions that installed them; to look takes a second."""
    return packages_distributions()


def requirements(lines: list[str]) -> set[str]:
    """Names of distributions that requirements ask for, as names of the packages that they install."""
    wanted = {re.split(r"[\s\[<>=;@]", line)[0].lower().replace("_", "-") for line in lines} - {"steergan"}
    return {
        package
        for package, distributions in installed().items()
        if {name.lower().replace("_", "-") for name in distributions} & wanted
    }


def test_escnn_imports_what_we_know_of() -> None:
    """A new escnn that imports more, or more of lie_learn, is noticed here: see escnn_at_import and pyproject.toml."""
    imported = third_party(Path(escnn.__file__).parent)
    in_functions = {"matplotlib", "mpl_toolkits", "skimage", "tqdm"}
    assert set(imported) == ESCNN_DEMANDS | ESCNN_TRIES | in_functions
    assert imported["lie_learn"] == {WIGNER}


def test_core_is_what_steergan_and_escnn_import_without_being_asked() -> None:
    assert requirements(PROJECT["dependencies"]) >= CORE
    assert {re.split("[<>=;]", line)[0] for line in PROJECT["dependencies"]} == CORE
    assert ESCNN_DEMANDS <= CORE


def test_every_package_that_is_imported_is_declared() -> None:
    imported = {**third_party(ROOT / "steergan"), **third_party(ROOT / "cli")}
    typed = {"setuptools"}  # of who builds the wheel
    assert set(imported) == CORE | set(EXTRAS) | {"escnn", "lie_learn"} | typed
    for extra in {*EXTRAS.values()}:
        packages = requirements(PROJECT["optional-dependencies"][extra])
        missing = {package for package, name in EXTRAS.items() if name == extra} - packages - {"pydantic_core"}
        assert not missing, f"{extra} does not install {missing}"
    assert set(re.split(r"[\[\],]", PROJECT["optional-dependencies"]["all"][0])[1:-1]) == set(EXTRAS.values())


def test_core_alone_imports_verifies_and_accelerates() -> None:
    blocked = ",".join(set(EXTRAS) | ESCNN_TRIES | {"platformdirs", "requests"})
    done = subprocess.run([sys.executable, "-W", "error", "-c", CORE_ONLY, blocked], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    verdict, *lines = done.stdout.splitlines()
    assert verdict == "proved"
    for room, line in zip(("recipe", "training", "run", "results", "pictures"), lines, strict=False):
        assert re.fullmatch(
            rf'steergan\.{room} needs \w+, which is not installed: pip install "steergan\[train\]"', line
        ), line
    assert lines[5:] == ["NoSphericalHarmonics", "False False"]


def test_the_overrides_that_users_of_uv_copy_are_ours() -> None:
    page = (ROOT / "docs/guide/install.md").read_text()
    (block,) = [block for block in re.findall(r"```toml\n(.*?)```", page, re.DOTALL) if "[tool.uv]" in block]
    own = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["uv"]
    assert own.pop("compile-bytecode")  # a convenience
    assert tomllib.loads(block)["tool"]["uv"] == own


def test_what_no_extra_installs_is_raised_as_it_is() -> None:
    with pytest.raises(ModuleNotFoundError, match="nowhere_at_all"), needed_by("a test"):
        import nowhere_at_all  # type: ignore[import-not-found]  # noqa: F401
    assert missing_package(ImportError("odd"), "a test") is None


def test_a_missing_package_is_one_line_of_which_it_is_the_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "h5py", None)
    line = r'LYSTO needs h5py, .*: pip install "steergan\[data\]"'
    with pytest.raises(MissingPackageError, match=line) as caught, needed_by("LYSTO"):
        import h5py  # noqa: F401
    assert isinstance(caught.value, ImportError)
    assert caught.value.name == "h5py"


def test_a_notebook_completes_what_the_package_offers() -> None:
    import steergan

    assert set(dir(steergan)) == set(steergan.__all__)
    assert all(hasattr(steergan, name) for name in dir(steergan))
