"""Group-equivariant generative adversarial networks on escnn."""

from typing import TYPE_CHECKING

from steergan import escnn_at_import  # noqa: F401  # before anything else imports escnn

if TYPE_CHECKING:
    from steergan.acceleration import accelerate, restore
    from steergan.exporting import export
    from steergan.run.trained import load
    from steergan.symmetrized import symmetrize
else:
    ROOMS = {
        "accelerate": "acceleration",
        "export": "exporting",
        "load": "run.trained",
        "restore": "acceleration",
        "symmetrize": "symmetrized",
    }

    def __getattr__(name: str) -> object:
        """What few need, when first asked for: what it stands on is slow to import."""
        if name not in ROOMS:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        return getattr(import_module(f"steergan.{ROOMS[name]}"), name)

    def __dir__() -> list[str]:
        """What a notebook completes."""
        return __all__


__version__ = "0.1.0"
__all__ = ["__version__", "accelerate", "export", "load", "restore", "symmetrize"]
