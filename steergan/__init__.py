"""Group-equivariant generative adversarial networks on escnn."""

from typing import TYPE_CHECKING

from steergan import escnn_at_import  # noqa: F401  # before anything else imports escnn

if TYPE_CHECKING:
    from steergan.acceleration import accelerate
else:

    def __getattr__(name: str) -> object:
        """`steergan.accelerate` when it is first asked for: what it stands on is slow to import, and few need it."""
        if name != "accelerate":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from steergan.acceleration import accelerate

        return accelerate


__version__ = "0.1.0"
__all__ = ["__version__", "accelerate"]
