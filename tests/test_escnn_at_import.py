"""After `import steergan` escnn is quiet, needs no folder of its own, and builds what it can't build by itself."""

import importlib.util
import shutil
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import Any

import escnn
import numpy as np
import pytest
import torch
from escnn.group import _clebsh_gordan, _numerical
from escnn.group._numerical import find_intertwiner_basis_sylvester
from escnn.gspaces import GSpace2D, flipRot2dOnR2
from escnn.nn import FieldType, R2Conv
from scipy import linalg, sparse

from steergan import escnn_at_import


@pytest.mark.parametrize("space", [flipRot2dOnR2(3), flipRot2dOnR2(5), flipRot2dOnR2(-1, maximum_frequency=4)])
def test_layers_of_groups_with_reflections_are_built_beside_scikit_learn(space: GSpace2D) -> None:
    """Groups that no other test has built before: escnn remembers what it has solved."""
    assert importlib.util.find_spec("sklearn") is not None
    fields = FieldType(space, [space.irrep(1, 0), space.irrep(1, 1)])
    layer = R2Conv(fields, fields, 5, initialize=False)
    x, reflection = fields(torch.randn(1, fields.size, 9, 9)), space.fibergroup.reflection
    with torch.no_grad():
        layer.weights.normal_()
        layer.bias = None
        out = layer(x).tensor
        found, wanted = layer(x.transform(reflection)).tensor, layer.out_type(out).transform(reflection).tensor
    assert float(out.abs().max()) > 0
    assert torch.allclose(found, wanted, atol=1e-4 * float(out.abs().max()))


def next_number() -> float:
    """Of the stream that a randomised SVD would draw from; it is left as it was."""
    state = np.random.get_state()  # noqa: NPY002
    number = float(np.random.random())  # noqa: NPY002
    np.random.set_state(state)  # noqa: NPY002
    return number


def test_what_escnn_solves_is_the_same_every_time_and_draws_no_numbers() -> None:
    group = flipRot2dOnR2(4).fibergroup
    generators = [g for g in group.elements if g != group.identity][:3]
    rho = [np.asarray(group.regular_representation(g)) for g in generators]
    before = next_number()
    first, second = (find_intertwiner_basis_sylvester(rho, rho) for _ in range(2))
    assert np.array_equal(first, second)
    assert next_number() == before
    for matrix in first.T:
        intertwiner = np.asarray(matrix).reshape(8, 8)
        assert all(np.allclose(r @ intertwiner, intertwiner @ r, atol=1e-9) for r in rho)


@pytest.mark.parametrize("space", [flipRot2dOnR2(8), flipRot2dOnR2(-1, maximum_frequency=2)])
def test_equations_of_intertwiners_are_bit_by_bit_those_that_escnn_builds(space: GSpace2D) -> None:
    group = space.fibergroup
    elements = [group.reflection, *(group.sample() for _ in range(4))]
    irreps = group.irreps()
    for one, other, third in product([*irreps[:2], *irreps[-2:]], repeat=3):
        rho_1 = [np.kron(one(g), other(g)) for g in elements]
        rho_2 = [third(g) for g in elements]
        found, wanted = (
            build(rho_1, rho_2) for build in (_numerical.build_sylvester_constraint, escnn_at_import._sparse_constraint)
        )
        assert type(found) is type(wanted)
        assert found.dtype == wanted.dtype
        assert found.toarray().tobytes() == wanted.toarray().tobytes()
    for module in (_numerical, _clebsh_gordan):
        assert module.build_sylvester_constraint is escnn_at_import.sylvester_constraint


def test_blocks_are_matrices_whatever_scipy_makes_of_dense_ones() -> None:
    """The values are SciPy's own; so is the type, until SciPy changes it."""
    made = escnn_at_import.SparseMatrices("sparse")
    one, other = np.arange(6.0).reshape(2, 3), np.eye(2)
    several: list[list[Any]] = [[one, other], [sparse.csc_matrix(one), other], [np.ones(2), 3.0]]
    for blocks in several:
        found = made.block_diag(blocks, format="csc")
        assert isinstance(found, sparse.csc_matrix)
        dense = [np.atleast_2d(block.toarray() if hasattr(block, "toarray") else block) for block in blocks]
        assert np.array_equal(found.toarray(), linalg.block_diag(*dense))
    kronsum = made.kronsum(other, np.diag([1.0, 2.0, 4.0]), format="csc")
    assert isinstance(kronsum, sparse.spmatrix)
    assert np.array_equal(kronsum.todense(), np.diag([2.0, 2.0, 3.0, 3.0, 5.0, 5.0]))
    assert made.coo_matrix is sparse.coo_matrix
    for name in ("nn.field_type", "group._numerical", "group.representation", "group.group"):
        assert isinstance(sys.modules[f"escnn.{name}"].sparse, escnn_at_import.SparseMatrices)


def test_large_equations_stay_sparse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(escnn_at_import, "SMALL", 3)
    monkeypatch.setattr(escnn_at_import, "_sparse_constraint", lambda *rhos: "sparse")
    assert escnn_at_import.sylvester_constraint([np.eye(2)], [np.eye(1)]) == "sparse"
    monkeypatch.setattr(escnn_at_import, "SMALL", 4)
    assert not isinstance(escnn_at_import.sylvester_constraint([np.eye(2)], [np.eye(1)]), str)


WITHOUT_FOLDER = """
import steergan
import escnn.group._clebsh_gordan as cg
from escnn.gspaces import flipRot2dOnR2
from escnn.nn import FieldType, R2Conv
from scipy import linalg, sparse

from steergan import escnn_at_import
fields = FieldType(space := flipRot2dOnR2(4), [space.irrep(1, 1)])
R2Conv(fields, fields, 3, initialize=False)
print("built", "without a folder" if cg.cache.store_backend is None else "with one")
"""


def test_importing_is_quiet_and_needs_no_folder_of_escnn(tmp_path: Path) -> None:
    """In a process of its own, with an escnn beside which no folder can be made, and warnings that are errors."""
    shutil.copytree(Path(escnn.__file__).parent, tmp_path / "escnn", ignore=shutil.ignore_patterns("_cache"))
    (tmp_path / "escnn/group/_cache").write_text("in the way")
    environment = {"STEERGAN_CACHE": str(tmp_path / "cache"), "PATH": "", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-W", "error", "-c", WITHOUT_FOLDER]
    done = subprocess.run(
        command, capture_output=True, text=True, env={**environment, "PYTHONPATH": str(tmp_path)}, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == ["built without a folder"]
