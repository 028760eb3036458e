"""The project as a whole: lint, types, the import contract, packages, file sizes, what files may not say."""

import re
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import pytest

import steergan
from steergan.recipe import read_any_recipe
from steergan.study import read_study
from tests.conftest import LONG

ROOT = Path(__file__).parents[1]
SCRIPTS = Path(sysconfig.get_path("scripts"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
SOURCES = [*ROOT.glob("steergan/**/*.py"), *ROOT.glob("cli/**/*.py")]
STUDIES = sorted([*ROOT.glob("recipes/studies/*.toml"), *ROOT.glob("recipes/paper/*/table?.toml")])
RECIPES = sorted(set(ROOT.glob("recipes/**/*.toml")) - set(STUDIES))
MIRRORS = {"steergan": "tests", "cli": "tests/cli", "benchmarks": "tests/benchmarks"}
WITHOUT_MIRROR = {
    "steergan/training/protocols.py": "signatures",
    "steergan/training/inputs.py": "tests/training/test_updates.py",
    "steergan/metrics/deformation_picture.py": "tests/run/test_deformations.py",
    "steergan/run/evaluating.py": "tests/run/test_evaluation.py",
    "steergan/run/pair_data.py": "tests/run/test_tasks.py",
    "steergan/run/translation_evaluation.py": "tests/run/test_tasks.py",
    "steergan/run/translation_subjects.py": "tests/run/test_tasks.py",
    "steergan/augmentation/colours.py": "tests/augmentation/test_transforms.py",
    "steergan/networks/learned_basis.py": "tests/networks/test_modern_generator.py",
    "steergan/networks/modern_spec.py": "tests/recipe/test_messages.py",
    "steergan/networks/modern_synthesis.py": "tests/networks/test_modern_generator.py",
    "steergan/networks/modern_trunk.py": "tests/networks/test_modern_discriminator.py",
    "steergan/recipe/sources.py": "tests/report/test_facts.py",
    "steergan/augmentation/drawing.py": "tests/augmentation/test_transforms.py",
    **{
        f"steergan/exporting/{name}.py": f"tests/exporting/test_{where}.py"
        for name, where in {
            "batches": "baking",
            "escnn_twins": "escnn_layers",
            "folding": "baking",
            "graph": "baking",
            "hub": "exported",
            "modules": "baking",
            "network_parts": "exported",
            "parts": "exported",
            "recorder": "baking",
            "sameness": "exported",
            "targets": "exported",
        }.items()
    },
    "steergan/layers/plain_fields.py": "tests/layers/test_plain.py",
    "steergan/layers/plain_norms.py": "tests/layers/test_plain.py",
    "steergan/layers/bank_transfer.py": "tests/layers/test_convolution.py",
    "steergan/networks/translation_blocks.py": "tests/networks/test_unet.py",
    "steergan/networks/translation_sizes.py": "tests/networks/test_unet.py",
    "steergan/networks/translation_spec.py": "tests/networks/test_unet.py",
    "cli/benchmark/accelerate.py": "tests/benchmark/test_acceleration.py",
    "cli/benchmark/layers.py": "tests/benchmark/test_layers.py",
    "cli/benchmark/step.py": "tests/benchmark/test_step.py",
    "benchmarks/commands/accelerator.py": "tests/benchmarks/test_accelerator.py",
    "benchmarks/commands/attention.py": "tests/benchmarks/test_attention.py",
    "benchmarks/commands/costs.py": "tests/benchmarks/test_costs.py",
    "benchmarks/commands/deformations.py": "tests/benchmarks/test_deformations.py",
    "benchmarks/commands/exports.py": "tests/benchmarks/test_exports.py",
    "benchmarks/commands/groups.py": "tests/benchmarks/test_groups.py",
    "benchmarks/commands/limit.py": "tests/benchmarks/test_limit.py",
    "benchmarks/commands/metrics.py": "tests/benchmarks/test_metric_parity.py",
    "benchmarks/commands/page.py": "tests/benchmarks/test_page.py",
    "benchmarks/commands/performance.py": "tests/benchmarks/test_performance.py",
    "benchmarks/commands/restate.py": "tests/benchmarks/test_restate.py",
    "benchmarks/commands/rulers.py": "tests/benchmarks/test_rulers.py",
    "benchmarks/commands/scale.py": "tests/benchmarks/test_scale.py",
    "benchmarks/commands/scaling.py": "tests/benchmarks/test_scaling.py",
    "benchmarks/commands/shares.py": "tests/benchmarks/test_shares.py",
    "benchmarks/commands/sweep.py": "tests/benchmarks/test_sweep.py",
    "benchmarks/commands/textures.py": "tests/benchmarks/test_textures.py",
}
"""Why they have none, or where the command is tested: beside what it measures."""
VAGUE = {"utils", "util", "helpers", "helper", "misc", "common", "manager", "base"}
# Spelled in pieces, so that this file does not find itself.
TOP_FOLDERS = "|".join(["work", "farm", "root", "home", "Users"])
MACHINE_PATH = re.compile(rf"(?<![\w.~-])/({TOP_FOLDERS})/\w")
REGISTRY = re.compile("|".join(["py" r"pi\.org", "python" r"hosted\.org", "npm" r"js\.", "de" r"bian\.org"]))


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def check(*command: str) -> None:
    """Run a checker in the repository; its own words are the failure."""
    found = subprocess.run([str(SCRIPTS / command[0]), *command[1:]], cwd=ROOT, capture_output=True, text=True)
    assert found.returncode == 0, found.stdout + found.stderr


def tracked_texts() -> list[tuple[str, str]]:
    """Name and text of every text file that git knows or would add."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    texts = []
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        content = path.read_bytes() if path.is_file() else b""
        if b"\0" not in content:
            texts.append((name, content.decode("utf-8")))
    return texts


def test_ruff_finds_nothing() -> None:
    check("ruff", "check", ".")


def test_mypy_finds_nothing() -> None:
    check("mypy")


def test_imports_keep_the_contract() -> None:
    check("lint-imports")


def test_every_package_on_disk_is_in_the_wheel() -> None:
    on_disk = {".".join(path.parent.relative_to(ROOT).parts) for path in SOURCES}
    on_disk = {re.sub(r"^cli\b", "steergan_cli", name) for name in on_disk}
    listed = PROJECT["tool"]["setuptools"]["packages"]
    assert set(listed) == on_disk
    assert listed == sorted(listed)
    for name in on_disk:
        folder = ROOT / re.sub(r"^steergan_cli\b", "cli", name).replace(".", "/")
        assert (folder / "__init__.py").is_file(), f"{name} has no __init__.py"


def test_files_stay_below_300_lines() -> None:
    assert [named(path) for path in SOURCES if len(path.read_text().splitlines()) >= 300] == []


def test_no_file_has_a_name_that_says_nothing() -> None:
    every = [*SOURCES, *ROOT.glob("tests/**/*.py")]
    assert [named(path) for path in every if VAGUE & set(path.stem.split("_"))] == []


def mirror(source: Path) -> Path:
    """Where a module's tests stand."""
    inside = source.relative_to(ROOT)
    return ROOT / MIRRORS[inside.parts[0]] / Path(*inside.parts[1:-1], f"test_{source.name}")


def test_every_module_has_a_test_that_mirrors_it() -> None:
    modules = [path for top in MIRRORS for path in ROOT.glob(f"{top}/**/*.py") if not path.stem.startswith("__")]
    assert len(modules) > 250
    missing = {named(module) for module in modules if not mirror(module).is_file()}
    assert missing == set(WITHOUT_MIRROR)
    elsewhere = [reason for reason in WITHOUT_MIRROR.values() if reason.startswith("tests/")]
    assert [name for name in elsewhere if not (ROOT / name).is_file()] == []


def test_the_modules_that_run_first_exist() -> None:
    assert [name for name in LONG if not (ROOT / f"tests/{name}.py").is_file()] == []


@pytest.mark.parametrize("recipe", RECIPES, ids=[named(path) for path in RECIPES])
def test_every_recipe_parses(recipe: Path) -> None:
    assert read_any_recipe(recipe).name


@pytest.mark.parametrize("study", STUDIES, ids=[named(path) for path in STUDIES])
def test_every_study_parses(study: Path) -> None:
    assert read_study(study).runs


def test_there_are_recipes() -> None:
    assert ROOT / "recipes" / "quickstart.toml" in RECIPES


def test_no_file_names_a_path_of_one_machine() -> None:
    assert [(name, found.group()) for name, text in tracked_texts() if (found := MACHINE_PATH.search(text))] == []


def test_no_file_names_a_package_registry() -> None:
    assert [(name, found.group()) for name, text in tracked_texts() if (found := REGISTRY.search(text))] == []


def test_forbidden_words_would_be_found() -> None:
    assert MACHINE_PATH.search("see /" + "home/me/x")
    assert REGISTRY.search("https://files.python" + "hosted.org/x")


def test_version_stands_in_one_place_and_in_the_changelog() -> None:
    assert PROJECT["project"]["version"] == steergan.__version__
    assert f"## {steergan.__version__}" in (ROOT / "CHANGELOG.md").read_text()


def test_python_is_one_that_the_project_supports() -> None:
    assert sys.version_info[:2] in {(3, 11), (3, 12), (3, 13), (3, 14)}


def test_ci_runs_the_test_command_of_the_readme() -> None:
    readme = (ROOT / "README.md").read_text().splitlines()
    commands = [line.strip() for line in readme if line.endswith("uv run pytest")]
    assert len(commands) == 1
    assert commands[0] in (ROOT / ".ci" / "run").read_text().splitlines()
