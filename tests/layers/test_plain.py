"""Every layer's `export()`: the same function on tensors, of torch alone."""

import pickle
import warnings
from typing import Any

import pytest
import torch
from escnn.nn import EquivariantModule, FieldType, SequentialModule

from steergan import layers
from steergan.layers import Windows
from steergan.networks import Discriminator, DiscriminatorSpec, Generator, GeneratorSpec
from steergan.symmetry import fourier_representation, gated_representation, gspace, regular_type
from tests.thorough import also

C4, SO2 = gspace("C4"), gspace("SO2")
REGULAR = regular_type(C4, 2)
MIXED = FieldType(C4, [C4.trivial_repr, C4.regular_repr, C4.trivial_repr, C4.regular_repr])
FOURIER = FieldType(SO2, [fourier_representation(SO2, 1)] * 2)
IRREPS = FieldType(SO2, [fourier_representation(SO2, 1), SO2.irrep(1), SO2.irrep(0), fourier_representation(SO2, 1)])
GATED = FieldType(SO2, [gated_representation(SO2, 1)] * 2)
ANY = {"regular": REGULAR, "irreps": IRREPS}

OF_ANY_FIELDS = {
    "convolution": lambda t: layers.GroupConvolution(t, t, 3, spectral_norm=True),
    "upsampled": lambda t: layers.UpsampleConvolution(t, t, 3),
    "strided": lambda t: layers.StridedConvolution(t, t, 3, windows=Windows(stride=2, padding_mode="circular")),
    "transposed": lambda t: layers.TransposedConvolution(t, t, 4, windows=Windows(stride=2, padding=1)),
    "norm": layers.FieldBatchNorm,
    "conditional norm": lambda t: layers.ConditionalBatchNorm(t, 3),
    "invariants": layers.InvariantMap,
    "antialiased": layers.AntialiasedPool,
    "average": layers.AveragePool,
    "bilinear": lambda t: layers.Upsample(t, 2, "bilinear"),
}
OF_SOME = {
    "mixed norm": lambda: layers.ConditionalBatchNorm(MIXED, 3),
    "mixed pool": lambda: layers.GroupPool(MIXED),
    "mean": lambda: layers.GroupPool(REGULAR, "mean"),
    "leaky": lambda: layers.Pointwise(REGULAR, "leaky_relu", 0.3),
    "maximum": lambda: layers.MaxPool(REGULAR),
    "fourier": lambda: layers.FourierPointwise(FOURIER),
    "gated": lambda: layers.Gated(GATED),
    "restriction": lambda: layers.Restriction(regular_type(gspace("D4"), 1), C4),
    "block": lambda: layers.GeneratorBlock(REGULAR, REGULAR, 3),
    "turning block": lambda: layers.DiscriminatorBlock(FOURIER, FOURIER, batch_norm=True),
}


def lived_in(layer: Any) -> Any:
    """With moments and affine numbers as training leaves them."""
    torch.manual_seed(0)
    for norm in layers.batch_norms(layer):
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.5, 2)
        for parameter in norm.parameters(recurse=False):
            torch.nn.init.normal_(parameter)
    return layer.eval()


def assert_same(layer: Any, side: int = 8) -> Any:
    """On inputs that no other layer made; what is exported scripts and pickles."""
    lived_in(layer)
    takes_c = isinstance(layer, layers.ConditionalBatchNorm) or getattr(layer, "conditioned", False)
    length = layer.scale.in_features if hasattr(layer, "scale") else 3
    rest = [torch.randn(3, length)] if takes_c else []
    x = torch.randn(3, layer.in_type.size, side, side)
    plain = layer.export()
    with torch.no_grad():
        torch.testing.assert_close(plain(x, *rest), layer(layer.in_type(x), *rest).tensor, rtol=1e-5, atol=1e-5)
        again = pickle.loads(pickle.dumps(plain))
        torch.testing.assert_close(again(x, *rest), plain(x, *rest), rtol=0, atol=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch wishes that nobody scripts any more
        torch.jit.script(plain)
    assert {type(part).__module__.partition(".")[0] for part in plain.modules()} <= {"torch"}
    return plain


CELLS = [(kind, fields) for kind in OF_ANY_FIELDS for fields in ANY]


@pytest.mark.parametrize(("kind", "fields"), CELLS)
def test_plain_layer_computes_the_same(kind: str, fields: str) -> None:
    make: Any = OF_ANY_FIELDS[kind]
    assert_same(make(ANY[fields]))


@pytest.mark.parametrize("kind", OF_SOME)
def test_plain_layer_of_these_fields_computes_the_same(kind: str) -> None:
    assert_same(OF_SOME[kind]())


def test_sequence_of_escnns_exports_with_our_layers_in_it() -> None:
    layer = SequentialModule(
        layers.GroupConvolution(REGULAR, REGULAR, 3), layers.FieldBatchNorm(REGULAR), layers.GroupPool(REGULAR)
    )
    lived_in(layer)
    x = torch.randn(2, 8, 5, 5)
    with torch.no_grad():
        torch.testing.assert_close(layer.export()(x), layer(REGULAR(x)).tensor, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("group", ["C4", *also("SO2")])
def test_synthesis_and_trunk_export(group: str) -> None:
    spec = GeneratorSpec(group=group, z_dim=16, embedding_dim=2, seed_width=8, widths=(8, 4), upsamplings=1)
    generator = Generator(spec, (1, 8, 8), 2)
    synthesis = lived_in(generator.synthesis)
    x, c = torch.randn(2, synthesis.in_type.size, 4, 4), torch.randn(2, generator.conditioning)
    with torch.no_grad():
        torch.testing.assert_close(
            synthesis.export()(x, c), synthesis(synthesis.in_type(x), c).tensor, rtol=1e-5, atol=1e-5
        )
    assert_same(Discriminator(DiscriminatorSpec(group=group, widths=(4, 8)), (1, 8, 8), 2).trunk)


def test_dense_layers_export() -> None:
    head = layers.ProjectionHead(5, 3, embedding_norm=True).eval()
    phi, y = torch.randn(4, 5), torch.tensor([0, 1, 2, 0])
    torch.testing.assert_close(head.export()(phi, y), head(phi, y))
    table = layers.SpectralEmbedding(3, 4)
    assert torch.equal(table.export()(y), table.eval()(y))


def test_every_layer_has_an_export_of_its_own() -> None:
    kinds: list[Any] = [value for value in vars(layers).values() if isinstance(value, type)]
    found = [kind for kind in kinds if issubclass(kind, EquivariantModule)]
    assert len(found) > 15
    assert [kind.__name__ for kind in found if kind.export is EquivariantModule.export] == []
