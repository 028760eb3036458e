"""What the name of a torch operator says."""

from typing import Any

RANDOM = ("rand", "normal", "bernoulli", "multinomial", "uniform", "dropout", "exponential")


def drawn_at_random(name: str) -> bool:
    """Whether an operator draws random numbers."""
    return any(word in name for word in RANDOM)


def of_shape_alone(name: str) -> bool:
    """Whether a result does not depend on the numbers in an operand of one of torch's own operators."""
    return "::" not in name and (name.endswith(("zeros_like", "ones_like", "full_like")) or name.startswith("new_"))


def name_of(func: Any) -> str:
    """The name of an operator, with its namespace where that is not torch's own."""
    name: str = func.overloadpacket.__name__
    return name if func.namespace == "aten" else f"{func.namespace}::{name}"
