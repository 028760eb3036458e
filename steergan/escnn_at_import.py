"""Everything that importing steergan does to escnn, in this one place, so that escnn works as its own pages say.

1. Its cache of Clebsch-Gordan coefficients, which escnn keeps with joblib in a folder beside its own code, does without
   the disk where that folder can't be made: an environment need not be ours to write to.
2. What it warns of while it is imported stays unsaid: py3nj is missing, which serves SO(3) only; steergan is planar.
3. Of lie_learn it imports one function, for SO(3). That package has wheels for Linux on x86_64 up to Python 3.12, which
   need numpy 1: where it can't be imported, a function stands in that says so when it is called.
4. It computes intertwiners with SciPy's SVD. Where scikit-learn is installed escnn takes that package's randomised one,
   and hands it an `np.matrix`, which is refused: every layer of D_n and O(2), of the user's own models too, would raise
   TypeError (escnn issue 112). SciPy's is what escnn uses without scikit-learn, it is exact, and it draws no numbers.
5. The equations of those intertwiners are products of small matrices, which escnn has SciPy make as sparse ones: the
   same numbers, and most of the time that the first layers of a group take. Small ones are made by NumPy.
6. It builds sparse matrices of dense blocks and multiplies them as matrices. SciPy 1.18 warns that it will make arrays
   of them, no earlier than 1.20, whose product is another: they are asked for as matrices.

4, 5 and 6 stay; the others are over when escnn is imported. Importing this again changes nothing.
"""

import io
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from types import ModuleType
from typing import Any
from unittest.mock import patch

import joblib
import numpy as np
import torch  # noqa: F401  # before the block below, which is to hide things from escnn alone
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import coo_matrix, csc_matrix

from steergan.errors import SteerganError

WIGNER = "lie_learn.representations.SO3.wigner_d"
"""The only module of lie_learn that escnn imports; a test looks whether that is still so."""
_Memory = joblib.Memory


class NoSphericalHarmonics(SteerganError, NotImplementedError):
    """A group of three dimensions was used without lie_learn."""


class NoEscnn(SteerganError, ImportError):
    """escnn is not installed."""


def _memory_where_it_can_be(location: Any, *args: Any, **settings: Any) -> Any:
    """A joblib memory on disk; without a disk where its folder can't be made."""
    try:
        return _Memory(location, *args, **settings)
    except OSError:
        return _Memory(None, *args, **settings)


def wigner_D_matrix(*args: Any, **settings: Any) -> Any:  # lie_learn's own name
    """What stands in for lie_learn's function of this name.

    Raises:
        NoSphericalHarmonics: always.
    """
    raise NoSphericalHarmonics(
        "representations of SO(3) need lie_learn, which can't be imported here; use a planar group, or install it (it "
        "has wheels for Linux on x86_64 up to Python 3.12, which need numpy 1): pip install lie_learn"
    )


@contextmanager
def _modules(**hidden: ModuleType | None) -> Iterator[None]:
    """Inside, modules that nobody has imported yet are these; None: they can't be imported."""
    absent = {name: module for name, module in hidden.items() if name not in sys.modules}
    sys.modules.update(absent)  # type: ignore[arg-type]  # Python's own way to say that there is no such module
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]


def _lie_learn_or_stand_in() -> dict[str, ModuleType]:
    """Nothing where lie_learn can be imported; else what escnn imports of it."""
    try:
        with redirect_stderr(io.StringIO()):  # numpy 2 prints half a page about what was built for numpy 1
            __import__(WIGNER)
    except Exception:  # whatever a binary raises that was built for another numpy
        stand_in = ModuleType(WIGNER)
        stand_in.wigner_D_matrix = wigner_D_matrix  # type: ignore[attr-defined]
        return {WIGNER: stand_in}
    return {}


with warnings.catch_warnings(), patch.object(joblib, "Memory", _memory_where_it_can_be):
    warnings.simplefilter("ignore")
    try:
        with _modules(sklearn=None, **_lie_learn_or_stand_in()):
            import escnn.group._clebsh_gordan
            import escnn.group._numerical
            import escnn.nn
    except ModuleNotFoundError as error:
        if error.name != "escnn":
            raise
        raise NoEscnn("steergan needs escnn, which is not installed: pip install --no-deps escnn") from None

escnn.group._numerical.randomized_svd = None

_sparse_constraint = escnn.group._numerical.build_sylvester_constraint
SMALL = 10**6
"""Entries of a system of equations up to which it is made by NumPy."""


def sylvester_constraint(rho_1: list[NDArray[Any]], rho_2: list[NDArray[Any]]) -> Any:
    """The matrix of X -> rho_1(g) X - X rho_2(g) for several g, one under the other, as escnn builds it.

    Args:
        rho_1: (n, n), one for each g; dense or sparse.
        rho_2: (m, m), one for each g; likewise.

    Returns:
        A sparse matrix, (len(rho_1) n m, n m).
    """
    n, m = rho_1[0].shape[0], rho_2[0].shape[0]
    if len(rho_1) * (n * m) ** 2 > SMALL:
        return _sparse_constraint(rho_1, rho_2)
    identities = np.eye(n), np.eye(m)
    # The zero that is added last has a sign, which products with zeros have not.
    rows = [
        np.kron(identities[1], first) + np.kron(-np.asarray(second).T, identities[0]) + 0.0
        for first, second in zip(map(_dense, rho_1), map(_dense, rho_2), strict=True)
    ]
    return csc_matrix(np.concatenate(rows).astype(np.result_type(*(rho.dtype for rho in [*rho_1, *rho_2]))))


escnn.group._numerical.build_sylvester_constraint = sylvester_constraint
escnn.group._clebsh_gordan.build_sylvester_constraint = sylvester_constraint


class SparseMatrices(ModuleType):
    """`scipy.sparse` as escnn knows it: of dense blocks it makes matrices, not arrays."""

    def __getattr__(self, name: str) -> Any:
        return getattr(sparse, name)

    @staticmethod
    def block_diag(blocks: Sequence[Any], **settings: Any) -> Any:
        """SciPy's function of this name; its result is a sparse matrix."""
        return sparse.block_diag([coo_matrix(np.atleast_2d(block)) for block in map(_dense, blocks)], **settings)

    @staticmethod
    def kronsum(one: Any, other: Any, **settings: Any) -> Any:
        """SciPy's function of this name; its result is a sparse matrix."""
        return sparse.kronsum(coo_matrix(one), coo_matrix(other), **settings)


def _dense(block: Any) -> Any:
    return block.toarray() if hasattr(block, "toarray") else block


for _name in ("escnn.nn.field_type", "escnn.group._numerical", "escnn.group.representation", "escnn.group.group"):
    sys.modules[_name].sparse = SparseMatrices("scipy.sparse")  # type: ignore[attr-defined]
