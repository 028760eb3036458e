"""Each module that `escnn.nn` exports is baked, or refused in a line; and pickled as it stands."""

import pickle

import pytest
import torch
from escnn import nn as enn
from torch import nn

from steergan.errors import SubjectError
from steergan.exporting import export
from steergan.exporting.baking import as_double
from tests.exporting.escnn_modules import EXPORTED, NO_LAYERS, OF_THIS_KIND, REFUSED, SAME, Dense
from tests.exporting.test_baking import baked
from tests.thorough import also


def lived_in(model: nn.Module) -> nn.Module:
    """With moments of something, and biases that are none of those at the start."""
    model.train()
    model(torch.randn(4, 1, 9, 9))
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad and parameter.dim() < 2:
                parameter.add_(0.1 * torch.randn_like(parameter))
    return model.eval()


def test_someone_decided_on_every_module_of_escnn() -> None:
    offered = {name for name in vars(enn) if isinstance(getattr(enn, name), type)}
    assert offered == {*EXPORTED, *SAME, *REFUSED, *OF_THIS_KIND, *NO_LAYERS}
    assert all(issubclass(getattr(enn, alias), getattr(enn, name)) for alias, name in SAME.items())


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # escnn leaves /dev/null open
@pytest.mark.parametrize("name", sorted(EXPORTED))
def test_module_is_baked_and_pickled(name: str) -> None:
    torch.manual_seed(0)
    model = lived_in(EXPORTED[name]())
    assert any(isinstance(part, getattr(enn, name)) for part in model.modules())
    found = baked(model)
    x = torch.randn(3, 1, 9, 9)
    with torch.no_grad():
        wanted = model(x)
        torch.testing.assert_close(found.module(x), wanted, rtol=0, atol=1e-6 * float(wanted.abs().max()))
        if found.exact is not None and (exactly := as_double(model)(x.double())).dtype == torch.float64:
            torch.testing.assert_close(found.exact(x.double()), exactly, rtol=0, atol=1e-6 * float(wanted.abs().max()))
        assert torch.equal(pickle.loads(pickle.dumps(model))(x), wanted)


@pytest.mark.thorough
@pytest.mark.parametrize("name", sorted(EXPORTED))
def test_module_computes_the_same_in_onnx_runtime(name: str) -> None:
    pytest.importorskip("onnxruntime")
    torch.manual_seed(0)
    found = export(lived_in(EXPORTED[name]()), 9, to="onnx", certify=False)
    assert found.report["measured"]["onnxruntime"]["difference"] < 1e-5


@pytest.mark.parametrize("name", ["R3Conv", *also(*sorted(REFUSED.keys() - {"R3Conv"}))])
def test_fields_over_another_space_than_the_plane_are_refused(name: str) -> None:
    with pytest.raises(SubjectError, match=f"{name} takes fields over a space of 3 dimensions"):
        export(REFUSED[name]().eval(), 9)


def test_network_that_returns_vectors_is_told_to_return_their_tensor() -> None:
    class Vectors(Dense):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            means = self.first(self.in_type(x)).tensor.mean(dim=(2, 3))
            found: torch.Tensor = self.linear(self.linear.in_type(means))  # a GeometricTensor, in truth
            return found

    with pytest.raises(SubjectError, match=r"Vectors returns vectors of C4 on no plane; return their \.tensor"):
        export(Vectors().eval(), 9)
