"""How the same function is computed: what changes speed, memory and the last bits, and nothing else."""

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from steergan.section import Section


class PerformanceSettings(Section):
    """Every key has a value under which updates take the plain path: float32, in one piece, one kernel at a time."""

    convolution: Literal["auto", "fourier", "dense"] = "auto"
    """Group convolutions in the group's Fourier basis by compiled kernels: where it pays and they are at hand, wherever
    it is possible (else refused), or never."""
    memory_format: Literal["contiguous", "channels-last"] = "contiguous"
    """Of the feature maps that go through dense convolutions."""
    joint_scores: bool = True
    """Real and generated images go through the discriminator together where no penalty differentiates by the real
    ones, and no batch norm would see them as one batch."""
    compile: Literal["off", "on", "cuda-graphs"] = "off"
    """torch.compile of both updates, R1 included; `cuda-graphs` replays their kernels on an NVIDIA GPU."""
    precision: Literal["float32", "tf32", "bfloat16"] = "tf32"
    """Of products on GPUs: tf32 is float32 with shorter mantissas in products (CPUs: float32). bfloat16 is torch's
    autocast; penalties on gradients, norms, spectral norms and losses stay wide."""
    recompute: bool = False
    """Keep no feature maps inside blocks for the backward, but compute them again: less memory, more time."""
    prefetch: Annotated[int, Field(ge=0)] = 2
    """Batches that a thread prepares ahead."""

    @field_validator("recompute")
    @classmethod
    def one_of_both(cls, recompute: bool, info: ValidationInfo) -> bool:
        """Refuse both: torch can't compile what says how it is to be computed again."""
        if recompute and info.data.get("compile", "off") != "off":
            raise PydanticCustomError(
                "together", 'false, or performance.compile = "off": torch compiles no recomputation'
            )
        return recompute
