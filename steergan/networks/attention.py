"""Where self-attention stands in a network: keys that both networks have, and the layer that they make."""

from typing import Annotated

from escnn.nn import FieldType
from pydantic import Field

from steergan.errors import RecipeError
from steergan.layers import Scores, SelfAttention
from steergan.layers.attention import ScoresOf
from steergan.layers.spectral_norm import NormOf
from steergan.networks.hidden_fields import HiddenFields


class AttentiveFields(HiddenFields):
    """Hidden fields whose pixels may attend to each other.

    Examples:
        >>> AttentiveFields(attention=[False, True]).attention
        (False, True)
    """

    attention: Annotated[tuple[bool, ...], Field(strict=False)] = ()
    """Whether each stage or block is followed by self-attention, one entry for each of `widths`; empty: none is."""
    attention_scores: ScoresOf = "invariant"
    """One map of scores, which the group leaves alone (`invariant`), or one for each element of a finite group, which
    it permutes (`oriented`): stronger, and as many times as dear."""
    attention_heads: Annotated[int, Field(ge=1)] = 1
    """Sets of fields that score apart."""
    attention_biases: bool = False
    """Whether a number is learned for each offset between pixels, which the group turns or leaves alone as scores."""

    def attends(self, stages: int, table: str) -> tuple[bool, ...]:
        """One answer for each stage or block.

        Args:
            stages: how many there are.
            table: of the recipe, for messages.

        Raises:
            RecipeError: another number of answers.
        """
        if self.attention and len(self.attention) != stages:
            raise RecipeError(
                f"{table}.attention has {len(self.attention)} entries and {table}.widths {stages}; give one true or "
                "false for each, or none"
            )
        return self.attention or (False,) * stages

    def attention_on(self, fields: FieldType, size: tuple[int, int], spectral_norm: bool | NormOf) -> SelfAttention:
        """The layer on a map of these fields; keys and values are pooled where the map is even.

        Args:
            fields: of the map.
            size: (H, W) of the map in pixels.
            spectral_norm: of its filter banks.

        Raises:
            SymmetryError: scores or heads that these fields can't have.
        """
        scores = Scores(self.attention_scores, self.attention_heads, size if self.attention_biases else None)
        even = size[0] % 2 == size[1] % 2 == 0
        return SelfAttention(fields, scores=scores, pool=even, spectral_norm=spectral_norm)
