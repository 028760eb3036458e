"""Group-equivariant generative adversarial networks on escnn."""

from typing import TYPE_CHECKING

from steergan import escnn_at_import  # noqa: F401  # before anything else imports escnn

if TYPE_CHECKING:
    from steergan.acceleration import accelerate, restore
else:

    def __getattr__(name: str) -> object:
        """`accelerate` and `restore` when first asked for: what they stand on is slow to import, and few need them."""
        if name not in ("accelerate", "restore"):
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from steergan import acceleration

        return getattr(acceleration, name)


__version__ = "0.1.0"
__all__ = ["__version__", "accelerate", "restore"]
