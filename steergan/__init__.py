"""Group-equivariant generative adversarial networks on escnn."""

import warnings

# escnn warns at import that py3nj is missing; that package serves SO(3) only, and steergan is planar.
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import escnn.nn  # noqa: F401

__version__ = "0.1.0"
