import pytest
import torch

from steergan.layers import ProjectionHead, SpectralNorm


def test_the_score_is_a_linear_one_plus_the_projection_on_the_class() -> None:
    torch.manual_seed(0)
    head = ProjectionHead(5, 3, spectral_norm=False)
    assert head.linear.bias is not None
    head.linear.bias.data.fill_(0.7)
    phi, y = torch.randn(4, 5), torch.tensor([2, 0, 1, 2])
    for score, features, label in zip(head(phi, y), phi, y, strict=True):
        want = head.linear.weight[0] @ features + 0.7 + head.embedding.weight[label] @ features
        assert torch.allclose(score, want)


def test_the_spectral_norm_is_on_the_dense_layer_and_not_on_the_embedding() -> None:
    torch.manual_seed(0)
    head = ProjectionHead(5, 3)
    assert sum(isinstance(module, SpectralNorm) for module in head.modules()) == 1
    phi, y = torch.randn(2, 5), torch.tensor([0, 1])
    before = head(phi, y)
    with torch.no_grad():
        head.linear.weight *= 3
    assert torch.allclose(head(phi, y), before, atol=1e-6)
    with torch.no_grad():
        head.embedding.weight *= 3
    assert not torch.allclose(head(phi, y), before, atol=1e-2)


@pytest.mark.parametrize(("features", "classes"), [(16, 5), (3, 7)])
def test_the_embedding_starts_orthogonal(features: int, classes: int) -> None:
    """Rows of length one and at right angles; columns, where there are more classes than features."""
    embedding = ProjectionHead(features, classes).embedding.weight.detach()
    matrix = embedding if classes <= features else embedding.mT
    assert torch.allclose(matrix @ matrix.mT, torch.eye(len(matrix)), atol=1e-5)
