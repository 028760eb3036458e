"""What may be said of a picture that is turned or reflected: a generator's output, or another view of a picture."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from steergan.layers import shared_filters
from steergan.networks import Generator
from steergan.pixels import to_uint8
from steergan.run.load import LoadedRun
from steergan.run.sampling import latent
from steergan.symmetry import is_trivial
from steergan.symmetry.actions import act, action_table
from steergan.symmetry.groups import group_name
from steergan.training import LatentLaw
from steergan.verification import Certificate
from steergan.verification.elements import NAMES, Matrix

TURNS: tuple[Matrix, ...] = ((1, 0, 0, 1), (0, -1, 1, 0), (-1, 0, 0, -1), (0, 1, -1, 0))
"""By no, one, two and three quarters, counterclockwise."""
REFLECTION: Matrix = (-1, 0, 0, 1)
"""Of left and right."""
TRANSLATES = "input"
"""In the place of a latent's name: of a translator, whose input moves."""
OUTPUT = {
    "symmetrized": "Proved: this is the generator's output, rounding aside, for the same latent and class when the "
    "group element that it draws is moved on by {name}.",
    "steerable": "Proved: this is the generator's output, rounding aside, for the latent moved by {name}.",
    "dense": "Proved of the synthesis alone: this is its output, rounding aside, for the seed feature map moved by "
    "{name}. A dense latent need not reach that map, so nothing is claimed of the generator.",
    TRANSLATES: "Proved: of the inputs moved by {name} the network makes these very outputs, rounding aside, for "
    "whatever its dropout leaves out.",
}
"""What a proof says of a picture that an element has moved, by the generator's latent."""


@dataclass(frozen=True)
class View:
    """A way in which the page can show its samples: reflected left and right, then turned counterclockwise.

    Attributes:
        quarters: of a turn.
        reflected: whether.
        proved: whether the certificate proves that element.
        words: what the page says.
    """

    quarters: int
    reflected: bool
    proved: bool
    words: str


def product(a: Matrix, b: Matrix) -> Matrix:
    """The matrix of b, then a."""
    return (
        a[0] * b[0] + a[1] * b[2],
        a[0] * b[1] + a[1] * b[3],
        a[2] * b[0] + a[3] * b[2],
        a[2] * b[1] + a[3] * b[3],
    )


def views(certificate: Certificate | None, latent_name: str) -> list[View]:
    """All eight views, each with what may be said of it.

    Args:
        certificate: the generator's, of these weights; None: there is none.
        latent_name: `symmetrized`, `steerable` or `dense`, or `TRANSLATES`.
    """
    found = []
    for reflected in (False, True):
        for quarters, turn in enumerate(TURNS):
            element = product(turn, REFLECTION) if reflected else turn
            proved = is_proved(certificate, element)
            found.append(View(quarters, reflected, proved, words(certificate, latent_name, element, proved)))
    return found


def is_proved(certificate: Certificate | None, element: Matrix) -> bool:
    """Whether a certificate proves an element in evaluation and at the size of the images, as they were drawn."""
    if certificate is None or element not in certificate.elements:
        return False
    return certificate.verdict_at(certificate.sizes[0], "evaluation") == "proved"


def words(certificate: Certificate | None, latent_name: str, element: Matrix, proved: bool) -> str:
    """What is said of the picture that an element has moved."""
    if element == TURNS[0]:
        return "As they are." if latent_name == TRANSLATES else "As the generator drew them."
    name = NAMES[element]
    if proved:
        return OUTPUT[latent_name].format(name=name)
    if certificate is None:
        reason = "there is no certificate of these weights"
    elif element not in certificate.elements:
        reason = f"the group {certificate.group} has no such element"
    else:
        reason = f"the certificate's verdict is “{certificate.verdict_at(certificate.sizes[0], 'evaluation')}”"
    return f"Only the pictures are moved, by {name}: of the generator nothing is claimed here, for {reason}."


@torch.inference_mode()
def measured_difference(run: LoadedRun, seeds: Sequence[int]) -> int | None:
    """How many levels of 255 outputs are from the moved picture, at most, over all that a symmetrized latent draws.

    Args:
        run: its generator draws class 0.
        seeds: of the latents.

    Returns:
        None where the latent is not symmetrized.
    """
    generator, law = run.generator, run.recipe.generator.latent_law
    if not generator.elements or is_trivial(generator.synthesis.in_type.gspace):
        return None
    table = action_table(group_name(generator.synthesis.in_type.gspace), *generator.image_shape[1:])
    with shared_filters(generator):
        return max(largest_difference(generator, seed, law, table) for seed in seeds)


def largest_difference(generator: Generator, seed: int, law: LatentLaw, table_GP: torch.Tensor) -> int:
    """Over all elements and pixels, for one latent."""
    z, _ = latent(generator, seed, law)
    count = len(table_GP)
    elements, y = torch.arange(count), torch.zeros(count, dtype=torch.int64)
    images = to_uint8(generator(z.expand(count, -1), y, elements))
    moved = act(images[:1].expand(count, -1, -1, -1), table_GP, elements)
    return int((images.int() - moved.int()).abs().max())
