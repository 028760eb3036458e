"""Everything that importing steergan does to escnn, in this one place, so that escnn works as its own pages say.

1. Its cache of Clebsch-Gordan coefficients, which escnn keeps with joblib in a folder beside its own code, does without
   the disk where that folder can't be made: an environment need not be ours to write to.
2. What it warns of while it is imported stays unsaid: py3nj is missing, which serves SO(3) only; steergan is planar.
3. It computes intertwiners with SciPy's SVD. Where scikit-learn is installed escnn takes that package's randomised one,
   and hands it an `np.matrix`, which is refused: every layer of D_n and O(2), of the user's own models too, would raise
   TypeError (escnn issue 112). SciPy's is what escnn uses without scikit-learn, it is exact, and it draws no numbers.

Nothing is undone afterwards but 1 and 2, which are over when escnn is imported. Importing this again changes nothing.
"""

import warnings
from typing import Any
from unittest.mock import patch

import joblib

_Memory = joblib.Memory


def _memory_where_it_can_be(location: Any, *args: Any, **settings: Any) -> Any:
    """A joblib memory on disk; without a disk where its folder can't be made."""
    try:
        return _Memory(location, *args, **settings)
    except OSError:
        return _Memory(None, *args, **settings)


with warnings.catch_warnings(), patch.object(joblib, "Memory", _memory_where_it_can_be):
    warnings.simplefilter("ignore")
    import escnn.group._numerical
    import escnn.nn

escnn.group._numerical.randomized_svd = None
