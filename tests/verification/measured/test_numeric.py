"""The action is escnn's, and the measurement accuses what is wrong and nothing that is right."""

import copy
from typing import Any

import torch
from escnn import nn as enn
from escnn.nn import FieldType

from steergan.symmetry import gspace, regular_type, trivial_type
from steergan.verification import Certificate, Subject, grid_elements, verify
from steergan.verification.measured.numeric import measure, numeric_finding


def stock_network() -> enn.SequentialModule:
    """An escnn user's own network, of escnn's own layers."""
    space = gspace("C4")
    image, hidden = trivial_type(space, 1), regular_type(space, 3)
    return enn.SequentialModule(
        enn.R2Conv(image, hidden, 3, padding=1),
        enn.InnerBatchNorm(hidden),
        enn.ReLU(hidden),
        enn.R2Conv(hidden, hidden, 3, padding=1),
    )


def shifted(module: Any, x: torch.Tensor, others: tuple[torch.Tensor, ...]) -> torch.Tensor:
    return module(module.in_type(x)).tensor.roll(1, 3)


def measured(certificate: Certificate) -> list[Any]:
    return [r for r in certificate.records if r.level == 4]


def test_a_stock_escnn_network_is_proved_and_left_as_it_was() -> None:
    network = stock_network().train()
    before = copy.deepcopy(network.state_dict())
    found = verify(network, [8, 9])
    assert found.verdict == "proved", found.sentence
    assert len(found.elements) == 4
    assert all(r.finding.verdict == "holds" and 0 < r.finding.bound < 1e-5 for r in measured(found))
    assert len(measured(found)) == 4
    assert network.training
    after = network.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[key], value) for key, value in after.items())


def test_a_shift_of_the_grid_is_caught_by_measurement() -> None:
    network = stock_network()
    found = verify(network, [8], "equivariant", out_type=network.out_type, call=shifted)
    assert found.verdict == "broken"
    assert all(r.finding.verdict == "broken" and r.finding.bound > 1e-2 for r in measured(found))
    fault = found.first_fault
    assert fault is not None
    assert fault in measured(found) or fault.level <= 3


def test_errors_are_measured_for_every_element_but_the_identity() -> None:
    network = stock_network()
    subject = Subject("stock", network, network.in_type, "equivariant", network.out_type, ((8, 8),), call=shifted)
    elements = tuple(grid_elements(network.in_type.gspace))
    found = measure(subject, (8, 8), elements, training=False)
    assert tuple(m.matrix for m in found) == elements[1:]
    assert all(m.e64 > 1e-2 * m.scale for m in found)


class Zero(enn.EquivariantModule):
    def __init__(self, field_type: FieldType) -> None:
        super().__init__()
        self.in_type = self.out_type = field_type

    def forward(self, x: enn.GeometricTensor) -> enn.GeometricTensor:
        return enn.GeometricTensor(torch.zeros_like(x.tensor), x.type)

    def evaluate_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        return input_shape


def test_a_network_that_puts_out_zero_is_not_proved() -> None:
    found = verify(Zero(trivial_type(gspace("C4"), 1)), [4])
    assert found.verdict == "not proved"
    assert all("vacuous" in r.finding.argument for r in measured(found))


def test_a_result_that_does_not_depend_on_the_input_is_vacuous() -> None:
    image = trivial_type(gspace("C4"), 1)
    ones = Subject(
        "ones", torch.nn.Identity(), image, "invariant", None, ((4, 4),), call=lambda m, x, others: x.new_ones(2)
    )
    found = numeric_finding(ones, (4, 4), tuple(grid_elements(image.gspace)), training=False)
    assert found.verdict == "not proved"
    assert "vacuous" in found.argument


def test_an_error_that_rounding_does_not_explain_is_broken_however_small() -> None:
    network = stock_network()

    def tilted(module: Any, x: torch.Tensor, others: tuple[torch.Tensor, ...]) -> torch.Tensor:
        out = module(module.in_type(x)).tensor
        return out + 1e-3 * torch.linspace(0, 1, out.shape[3]).to(out)

    subject = Subject("stock", network, network.in_type, "equivariant", network.out_type, ((8, 8),), call=tilted)
    elements = tuple(grid_elements(network.in_type.gspace))
    assert numeric_finding(subject, (8, 8), elements, training=False).verdict == "broken"


def test_numbers_made_in_float32_are_judged_by_its_rounding_and_no_others_are() -> None:
    image = trivial_type(gspace("C4"), 1)

    class Blurred(torch.nn.Module):
        bank: torch.Tensor

        def __init__(self, how: str, askew: float = 0.0) -> None:
            super().__init__()
            self.in_type, self.how = image, how
            bank = torch.full((1, 1, 3, 3), 0.1)
            bank[..., 0, 0] += askew
            self.register_buffer("bank", bank)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            bank = torch.full((1, 1, 3, 3), 0.1).to(x) if self.how == "made" else self.bank
            y = torch.nn.functional.conv2d(x, bank, padding=1)
            return y.float().to(x.dtype) if self.how == "cast" else y

    for how in ("buffer", "made", "cast"):
        found = verify(Blurred(how), [5], modes=("evaluation",), level=4)
        assert [r.finding.verdict for r in found.records if r.level == 4] == ["holds"]
    slightly = verify(Blurred("buffer", 1e-8), [5], "equivariant", modes=("evaluation",), level=4)
    assert [r.finding.verdict for r in measured(slightly)] == ["holds"]  # what float32 rounds
    clearly = verify(Blurred("buffer", 1e-3), [5], "equivariant", out_type=image, modes=("evaluation",), level=4)
    assert [r.finding.verdict for r in measured(clearly)] == ["broken"]
