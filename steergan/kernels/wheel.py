"""The wheel with the compiled kernels in it, where there is a compiler: see [tool.setuptools.cmdclass].

For setuptools alone, which loads this file by its path, without steergan or torch. Editable installs don't come here.
"""

import importlib.util
import logging
import shutil
from pathlib import Path

from setuptools.command.bdist_wheel import bdist_wheel  # type: ignore[import-untyped]

PLACE = "steergan/kernels/native"


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
        """Python and platform that the wheel is for."""
        return "py3", "none", super().get_tag()[2]
