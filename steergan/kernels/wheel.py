"""What is installed: the wheel with recipes and compiled kernels, and the editable one. See [tool.setuptools.cmdclass].

For setuptools alone, which loads this file by its path, without steergan or torch, in the folder of the checkout.
"""

import importlib.util
import logging
import re
import shutil
from pathlib import Path
from typing import Any

from setuptools.command.bdist_wheel import bdist_wheel  # type: ignore[import-untyped]
from setuptools.command.editable_wheel import editable_wheel  # type: ignore[import-untyped]

RECIPES = "recipes"
"""The checkout's folder of recipes, which becomes steergan/recipes in the wheel."""
PLACE = "steergan/kernels/native"
OLDEST_GLIBC = 17
"""Of the manylinux tags that every pip knows under that name: glibc 2.17."""


class WheelWithKernels(bdist_wheel):
    """A wheel for this platform and every Python, as the kernels' C interface knows none; pure without a compiler."""

    def run(self) -> None:
        """Compile and copy recipes into the folder that becomes the wheel, then do what is always done."""
        file = Path(__file__).with_name("compiler.py")
        spec = importlib.util.spec_from_file_location("steergan_kernels_compiler", file)
        assert spec is not None
        assert spec.loader is not None
        compiler = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(compiler)
        assert self.bdist_dir is not None
        folder, recipes = Path(self.bdist_dir, PLACE), Path(self.bdist_dir, "steergan", RECIPES)
        for left in (folder, recipes):  # by a build that was killed
            shutil.rmtree(left, ignore_errors=True)
        shutil.copytree(RECIPES, recipes)
        try:
            compiler.build(folder / compiler.file_name())
        except compiler.KernelBuildError as error:
            reason = f"the wheel has no compiled kernels, they are built at first use: {error}"
            self.announce(reason, logging.WARNING)
        else:
            self.distribution.has_ext_modules = lambda: True
            self.root_is_pure = False
        super().run()

    def get_tag(self) -> tuple[str, str, str]:
        """Python and platform that the wheel is for: every Python; on Linux, the glibc that the kernels ask for."""
        platform = super().get_tag()[2]
        assert self.bdist_dir is not None
        for library in Path(self.bdist_dir, PLACE).glob("*.so"):
            platform = manylinux(platform, library.read_bytes())
        return "py3", "none", platform


class EditableOnPath(editable_wheel):
    """An editable install whose checkout is on Python's path, too.

    setuptools finds `steergan` and `steergan_cli`, which is the folder `cli`, by a hook of the import system. Type
    checkers don't ask it, and Python asks it last: in the folder above a clone named steergan that folder, which is no
    package, would be taken for one.
    """

    def _select_strategy(self, *arguments: Any) -> Any:
        return WithPath(super()._select_strategy(*arguments), Path.cwd())


class WithPath:
    """A way of setuptools to make an editable wheel, and a folder for Python's path.

    Args:
        strategy: setuptools' own.
        folder: the checkout.
    """

    def __init__(self, strategy: Any, folder: Path) -> None:
        self.strategy, self.folder = strategy, folder

    def __call__(self, wheel: Any, *arguments: Any) -> None:
        """Write both into the wheel."""
        self.strategy(wheel, *arguments)
        wheel.writestr("steergan_checkout.pth", f"{self.folder}\n")

    def __enter__(self) -> "WithPath":
        """What setuptools does before."""
        self.strategy.__enter__()
        return self

    def __exit__(self, *arguments: object) -> None:
        """What setuptools does afterwards."""
        self.strategy.__exit__(*arguments)


def manylinux(platform: str, library: bytes) -> str:
    """A platform's tag as package indexes take it, PEP 600: with the oldest glibc that has what a library asks for.

    The kernels need nothing but glibc and the OpenMP library that torch brings along and has loaded before.

    Args:
        platform: such as "linux_x86_64"; another system's is left as it is.
        library: the content of the shared library; one that names no glibc is left to the machine that built it.

    Examples:
        >>> manylinux("linux_x86_64", b"... GLIBC_2.2.5 ... GLIBC_2.28 ...")
        'manylinux_2_28_x86_64'
    """
    versions = [int(minor) for minor in re.findall(rb"GLIBC_2\.(\d+)", library)]
    if not platform.startswith("linux_") or not versions:
        return platform
    return platform.replace("linux_", f"manylinux_2_{max(OLDEST_GLIBC, *versions)}_", 1)
