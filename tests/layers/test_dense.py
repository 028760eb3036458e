"""Dense layers and tables: how they start, and what their norms divide."""

import torch

from steergan.layers import SpectralEmbedding, SpectralLinear, converge_spectral_norm


def test_a_dense_layer_starts_orthogonal_without_bias() -> None:
    layer = SpectralLinear(9, 4, spectral_norm=False)
    assert torch.allclose(layer.weight @ layer.weight.mT, torch.eye(4), atol=1e-6)
    assert layer.bias is not None
    assert not layer.bias.any()
    assert list(layer.state_dict()) == ["weight", "bias"]
    x = torch.randn(2, 9)
    assert torch.equal(layer(x), torch.nn.functional.linear(x, layer.weight, layer.bias))


def test_a_table_of_labels_may_be_divided_by_its_norm() -> None:
    table = SpectralEmbedding(3, 5, spectral_norm=True)
    with torch.no_grad():
        table.weight.normal_()
    converge_spectral_norm(table)
    wanted = table.weight / torch.linalg.matrix_norm(table.weight, 2)
    assert torch.allclose(table.eval()(torch.tensor([2, 0])), wanted[[2, 0]], atol=1e-5)
    plain = SpectralEmbedding(3, 5, spectral_norm=False)
    assert torch.equal(plain(torch.tensor([1])), plain.weight[[1]])
