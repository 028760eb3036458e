"""How near the kernels come to what the machine can do: products counted, rates, and where other time goes."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial

import torch

from steergan.benchmark.convolutions import faster, kernels_at_hand
from steergan.benchmark.layer_rivals import CONVOLUTION, LAST, LayerCase, forward, rivals_of
from steergan.benchmark.report import Report
from steergan.benchmark.rivals import CHANNELS, OWN
from steergan.errors import SteerganError
from steergan.kernels import library
from steergan.progress import Progress, portion, unheard
from steergan.run.about import surroundings
from steergan.symmetry import group_order, gspace
from steergan.tables import Interval, Table, median_and_quartiles, shown
from steergan.timing import WARM_UP, Action, counted, in_turns

PRODUCTS = {"C2": 2, "D1": 2, "D2": 4, "C4": 5, "D4": 12}
"""Real products for each tap and pair of fields in the Fourier basis, where the bank has |G|^2: one for each irrep of
dimension one, three for a complex pair, eight for the irrep of dimension two."""
MATRIX, TWICE = "matrix product", "twice the out fields"
MATRIX_SIZE = 1024
LAYERS = (LayerCase(CONVOLUTION, "D4", 45, 22, 64, 4), LayerCase(CONVOLUTION, "C4", 128, 64, 28, 8))


@dataclass(frozen=True)
class LimitTimes:
    """Seconds of a layer's forward and of a matrix product, round by round."""

    layer: LayerCase
    matrix_size: int
    seconds: dict[str, list[float]]

    def rate(self, name: str) -> Interval:
        """10^9 operations per second, two for each product that is done: median between the quartiles."""
        counted = {MATRIX: self.matrix_size**3, OWN: fourier_products(self.layer)}
        products = counted.get(name, products_of_bank(self.layer))
        return median_and_quartiles([2e-9 * products / seconds for seconds in self.seconds[name]])

    @property
    def rival(self) -> str:
        """The faster conv2d, by its median."""
        return faster(self.seconds)

    @property
    def fixed_share(self) -> Interval:
        """Share of our time that does not grow with the out fields: gathering x, and transforms.

        Twice the out fields add one more share of products: (2 t(O) - t(2 O)) / t(O), round by round.
        """
        pairs = zip(self.seconds[OWN], self.seconds[TWICE], strict=True)
        return median_and_quartiles([(2 * once - twice) / once for once, twice in pairs])

    @property
    def product_share(self) -> Interval:
        """The rest of our time, which grows with the out fields."""
        return median_and_quartiles([1 - share for share in self.fixed_share.values])

    @property
    def bound(self) -> float:
        """Speed-up over the faster conv2d if our products ran at the best rate that was measured, and nothing else."""
        fewer = products_of_bank(self.layer) / fourier_products(self.layer)
        # Either library may know the machine better.
        best = max(self.rate(name).centre for name in (MATRIX, self.rival))
        return fewer * best / self.rate(self.rival).centre


def products_of_bank(layer: LayerCase) -> int:
    """Multiply-adds of the dense bank, taps outside of the map included."""
    pixels, order = layer.batch * layer.size**2, group_order(gspace(layer.group))
    return pixels * layer.kernel**2 * layer.in_fields * layer.out_fields * order**2


def fourier_products(layer: LayerCase) -> int:
    """Multiply-adds between the Fourier coefficients of x and of the filters."""
    return products_of_bank(layer) // group_order(gspace(layer.group)) ** 2 * PRODUCTS[layer.group]


def time_limits(
    rounds: int,
    layers: Sequence[LayerCase] = LAYERS,
    matrix_size: int = MATRIX_SIZE,
    progress: Progress = unheard,
) -> list[LimitTimes]:
    """Time a matrix product, both conv2ds, and our forward with once and twice the layer's out fields, in turns.

    Args:
        rounds: timed calls of each.
        layers: what is timed, one after the other.
        matrix_size: of the square matrices.
        progress: called with (calls done, calls in all).

    Raises:
        SteerganError: this process has no kernels.
    """
    if kernels_at_hand() == "none":
        raise SteerganError(f"no convolution kernels to time: {library.absence()}; {library.remedy()}")
    calls = (rounds + WARM_UP) * len((MATRIX, CHANNELS, LAST, OWN, TWICE))
    a, b = torch.rand(2, matrix_size, matrix_size)
    result = torch.empty_like(a)
    found: list[LimitTimes] = []
    for layer in layers:
        given = {name: rival for name, rival in rivals_of(layer).items() if name in (CHANNELS, LAST, OWN)}
        given[TWICE] = rivals_of(replace(layer, out_fields=2 * layer.out_fields))[OWN]
        rivals: dict[str, Action] = {name: partial(forward, rival) for name, rival in given.items()}
        rivals[MATRIX] = partial(torch.mm, a, b, out=result)
        told = portion(progress, calls * len(found), calls * len(layers))
        found.append(LimitTimes(layer, matrix_size, in_turns(rivals, rounds, progress=told)))
    return found


def limit_table(found: Sequence[LimitTimes]) -> Table:
    """Counts, rates and shares, for people."""
    size = found[0].matrix_size if found else MATRIX_SIZE
    return Table(
        caption="The forward and its limits. Products: millions of multiply-adds of the dense bank and in the Fourier "
        "basis. Rates: 10^9 operations per second (two for each product that is done) of a float32 product of "
        f"matrices of {size} x {size}, of the faster conv2d and of ours. Shares of our time, from the times with once "
        "and twice the out fields: what does not depend on them (gathering x, transforms of x) and the products (with "
        "the transforms of filters and result). Bound: the speed-up over conv2d if our products ran at "
        "the better one of the first two rates and nothing else took time. Median (quartiles) over the rounds.",
        columns=[
            "layer",
            "products dense",
            "products Fourier",
            "rate matrix",
            "rate conv2d",
            "rate ours",
            "gather and transforms",
            "products",
            "bound",
        ],
        rows=[
            [
                times.layer.name,
                round(products_of_bank(times.layer) / 1e6),
                round(fourier_products(times.layer) / 1e6),
                times.rate(MATRIX),
                times.rate(times.rival),
                times.rate(OWN),
                times.fixed_share,
                times.product_share,
                times.bound,
            ]
            for times in found
        ],
    )


def verdict(found: Sequence[LimitTimes]) -> str:
    """How far the kernels are from the machine, in a sentence for each layer."""
    return " ".join(
        f"{limit.layer.name}: at the best rate measured, our products would allow {limit.bound:.2g} times the speed of "
        f"conv2d; {shown(limit.fixed_share)} of our time does not grow with the out fields."
        for limit in found
    )


def report(found: Sequence[LimitTimes]) -> Report:
    """The outcome, ready to be told."""
    return Report(
        benchmark="limit",
        title="What limits convolutions in the group's Fourier basis",
        claim="None: a measurement.",
        protocol={
            "kernels": kernels_at_hand(),
            "threads": torch.get_num_threads(),
            "rounds": counted(len(found[0].seconds[OWN])),
            "numbers": "random, float32",
        },
        tables=[limit_table(found)],
        verdict=verdict(found),
        figures={
            "limit": [
                {
                    "layer": vars(times.layer),
                    "seconds": times.seconds,
                    "matrix_size": times.matrix_size,
                    "products": {"dense": products_of_bank(times.layer), "fourier": fourier_products(times.layer)},
                    "rates": {name: asdict(times.rate(name)) for name in (MATRIX, CHANNELS, LAST, OWN)},
                    "gather_and_transforms": asdict(times.fixed_share),
                    "products_share": asdict(times.product_share),
                    "bound": times.bound,
                }
                for times in found
            ],
        },
        surroundings=surroundings(torch.device("cpu")),
    )
