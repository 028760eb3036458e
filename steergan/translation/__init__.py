"""Images into images: pairs as training draws them, and networks that training calls as any others."""

from steergan.extras import needed_by

with needed_by("steergan.translation"):
    from steergan.translation.pairs import PairBatches, PairSet, moved_pairs
    from steergan.translation.players import PairJudge, Translator
    from steergan.translation.tiles import Fit, Tiling, translated

__all__ = ["Fit", "PairBatches", "PairJudge", "PairSet", "Tiling", "Translator", "moved_pairs", "translated"]
