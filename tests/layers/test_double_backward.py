import pytest
import torch
from escnn.nn import FieldType
from torch import Tensor

from steergan import layers
from steergan.layers import shared_filters
from steergan.symmetry import GROUPS, fourier_representation, gspace, is_continuous, trivial_type


class SmallDiscriminator(torch.nn.Module):
    """Lift, leaky ReLU, average pool, residual block, group max, mean over space, projection."""

    def __init__(self, name: str) -> None:
        super().__init__()
        space = gspace(name)
        continuous = is_continuous(space)
        field = fourier_representation(space, 2) if continuous else space.regular_repr
        image, fields = trivial_type(space, 1), FieldType(space, [field] * 2)
        invariant = layers.InvariantMap(fields) if continuous else layers.GroupPool(fields)
        self.trunk = torch.nn.Sequential(
            layers.GroupConvolution(image, fields, 3, spectral_norm=True),
            layers.activation(fields, "leaky_relu"),
            layers.HalvingPool()(fields),
            layers.DiscriminatorBlock(fields, fields, batch_norm=continuous, pool=None),
            invariant,
        )
        self.head = layers.ProjectionHead(len(invariant.out_type), 3)

    def forward(self, image: Tensor, y: Tensor) -> Tensor:
        first: layers.GroupConvolution = self.trunk[0]  # type: ignore[assignment]
        score: Tensor = self.head(self.trunk(first.in_type(image)).tensor.mean((2, 3)), y)
        return score


def r1(network: SmallDiscriminator, image: Tensor, y: Tensor) -> Tensor:
    image = image.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(network(image, y).sum(), image, create_graph=True)
    return gradient.square().sum((1, 2, 3)).mean()


@pytest.mark.parametrize("name", GROUPS)
def test_the_gradient_of_r1_agrees_with_finite_differences(name: str) -> None:
    torch.manual_seed(0)
    network = SmallDiscriminator(name).double().eval()
    image, y = torch.randn(2, 1, 6, 6, dtype=torch.float64), torch.tensor([0, 2])
    penalty = r1(network, image, y)
    parameters = list(network.parameters())
    gradients = torch.autograd.grad(penalty, parameters, allow_unused=True)
    for parameter, gradient in zip(parameters, gradients, strict=True):
        direction, step = torch.randn_like(parameter), 1e-6
        with torch.no_grad():
            parameter.add_(step * direction)
        ahead = float(r1(network, image, y).detach())
        with torch.no_grad():
            parameter.sub_(2 * step * direction)
        behind = float(r1(network, image, y).detach())
        with torch.no_grad():
            parameter.add_(step * direction)
        slope = 0.0 if gradient is None else float((gradient * direction).sum())
        assert slope == pytest.approx((ahead - behind) / (2 * step), rel=1e-4, abs=1e-6)


def test_r1_beside_a_score_with_shared_filters_has_the_gradient_of_separate_ones() -> None:
    torch.manual_seed(0)
    network = SmallDiscriminator("C4").double().eval()
    image, y = torch.randn(3, 1, 6, 6, dtype=torch.float64), torch.tensor([0, 1, 2])
    parameters = list(network.parameters())
    (network(image, y).mean() + r1(network, image, y)).backward()
    separate = [parameter.grad.clone() for parameter in parameters if parameter.grad is not None]
    network.zero_grad()
    with shared_filters(network):
        (network(image, y).mean() + r1(network, image, y)).backward()
    together = [parameter.grad for parameter in parameters if parameter.grad is not None]
    assert len(separate) == len(together) == len(parameters)
    assert all(torch.allclose(a, b, atol=1e-12) for a, b in zip(separate, together, strict=True))
