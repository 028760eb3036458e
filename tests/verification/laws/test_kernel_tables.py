"""The kernels' algebra and tables of taps: right as they are, and every number of them counts."""

import pytest
import torch

from steergan.kernels.interface import ALGEBRAS
from steergan.verification.laws import kernel_tables
from tests.verification.fourier_networks import algebra_of, layer_of, require_kernels, with_number


@pytest.fixture(autouse=True)
def _kernels() -> None:
    require_kernels()


@pytest.mark.parametrize("kernel", [1, 3, 5])
@pytest.mark.parametrize("group", ALGEBRAS)
def test_the_tables_give_the_bank_of_any_weights(group: str, kernel: int) -> None:
    layer = layer_of(group, kernel=kernel, spectral_norm=False)
    weight = layer.weights[0].unflatten(2, (-1, kernel, kernel))
    assert torch.equal(kernel_tables.bank_of(weight, group), layer.filter_bank())


@pytest.mark.parametrize("part", range(4), ids=["signal", "filters", "back", "products"])
@pytest.mark.parametrize("group", ["C2", "C4", "D2", "D4"])
def test_every_number_of_an_algebra_counts(group: str, part: int) -> None:
    for position, number in enumerate(algebra_of(group)[part].tolist()):
        for changed in {-number, number + 1, number + 100, 1e300 if part < 3 else -1} - {number}:
            with pytest.MonkeyPatch.context() as patch:
                with_number(patch, part, position, changed)
                assert kernel_tables.algebra_fault(group), (position, number, changed)
    assert not kernel_tables.algebra_fault(group)
