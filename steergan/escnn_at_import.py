"""Everything that importing steergan does to escnn, in this one place, so that escnn works as its own pages say.

1. Its cache of Clebsch-Gordan coefficients, which escnn keeps with joblib in a folder beside its own code, does without
   the disk where that folder can't be made: an environment need not be ours to write to.
2. What it warns of while it is imported stays unsaid: py3nj is missing, which serves SO(3) only; steergan is planar.
3. It computes intertwiners with SciPy's SVD. Where scikit-learn is installed escnn takes that package's randomised one,
   and hands it an `np.matrix`, which is refused: every layer of D_n and O(2), of the user's own models too, would raise
   TypeError (escnn issue 112). SciPy's is what escnn uses without scikit-learn, it is exact, and it draws no numbers.
4. The equations of those intertwiners are products of small matrices, which escnn has SciPy make as sparse ones: the
   same numbers, and most of the time that the first layers of a group take. Small ones are made by NumPy.

Nothing is undone afterwards but 1 and 2, which are over when escnn is imported. Importing this again changes nothing.
"""

import warnings
from typing import Any
from unittest.mock import patch

import joblib
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_matrix

_Memory = joblib.Memory


def _memory_where_it_can_be(location: Any, *args: Any, **settings: Any) -> Any:
    """A joblib memory on disk; without a disk where its folder can't be made."""
    try:
        return _Memory(location, *args, **settings)
    except OSError:
        return _Memory(None, *args, **settings)


with warnings.catch_warnings(), patch.object(joblib, "Memory", _memory_where_it_can_be):
    warnings.simplefilter("ignore")
    import escnn.group._clebsh_gordan
    import escnn.group._numerical
    import escnn.nn

escnn.group._numerical.randomized_svd = None

_sparse_constraint = escnn.group._numerical.build_sylvester_constraint
SMALL = 10**6
"""Entries of a system of equations up to which it is made by NumPy."""


def sylvester_constraint(rho_1: list[NDArray[Any]], rho_2: list[NDArray[Any]]) -> Any:
    """The matrix of X -> rho_1(g) X - X rho_2(g) for several g, one under the other, as escnn builds it.

    Args:
        rho_1: (n, n), one for each g.
        rho_2: (m, m), one for each g.

    Returns:
        A sparse matrix, (len(rho_1) n m, n m).
    """
    n, m = len(rho_1[0]), len(rho_2[0])
    if len(rho_1) * (n * m) ** 2 > SMALL:
        return _sparse_constraint(rho_1, rho_2)
    identities = np.eye(n), np.eye(m)
    # The zero that is added last has a sign, which products with zeros have not.
    rows = [
        np.kron(identities[1], first) + np.kron(-np.asarray(second).T, identities[0]) + 0.0
        for first, second in zip(rho_1, rho_2, strict=True)
    ]
    return csc_matrix(np.concatenate(rows).astype(np.result_type(*rho_1, *rho_2)))


escnn.group._numerical.build_sylvester_constraint = sylvester_constraint
escnn.group._clebsh_gordan.build_sylvester_constraint = sylvester_constraint
