"""The wheel with the compiled kernels in it, where there is a compiler: see [tool.setuptools.cmdclass].

For setuptools alone, which loads this file by its path, without steergan or torch. Editable installs don't come here.
"""

import importlib.util
import logging
import re
import shutil
from pathlib import Path

from setuptools.command.bdist_wheel import bdist_wheel  # type: ignore[import-untyped]

PLACE = "steergan/kernels/native"
OLDEST_GLIBC = 17
"""Of the manylinux tags that every pip knows under that name: glibc 2.17."""


class WheelWithKernels(bdist_wheel):
    """A wheel for this platform and every Python, as the kernels' C interface knows none; pure without a compiler."""

    def run(self) -> None:
        """Compile into the folder that becomes the wheel, then do what is always done."""
        file = Path(__file__).with_name("compiler.py")
        spec = importlib.util.spec_from_file_location("steergan_kernels_compiler", file)
        assert spec is not None
        assert spec.loader is not None
        compiler = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(compiler)
        assert self.bdist_dir is not None
        folder = Path(self.bdist_dir, PLACE)
        shutil.rmtree(folder, ignore_errors=True)  # of a build that was killed
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
