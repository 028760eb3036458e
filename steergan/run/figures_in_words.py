"""What was measured, in lines of text: every figure beside what it has to be read against."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from steergan.metrics import Reference, words_for
from steergan.metrics.meaning import in_words


def described(table: Mapping[str, Any]) -> str:
    """The main figures of a measurement.

    Args:
        table: its record.
    """
    name, key = ("KID", "kid") if table["frechet_invariant"] is None else ("Frechet distance", "frechet_invariant")
    known, scrambled = table[f"floor_{key}"], table.get(f"scrambled_{key}")
    beside = "real against real " + ("not known: too few images" if known is None else f"{known:.4g}")
    if scrambled is not None:
        beside += f", scrambled {scrambled:.4g}"
    if key == "frechet_invariant" and "invariant" in table["rank_deficient"]:
        beside += f"; fewer images than features: biased, trust KID, {table['kid']:.3g}"
    words = [f"{prefix(table['extractor'])}{name} {table[key]:.4g} ({beside})"]
    if table["label_agreement"] is not None:
        words.append(f"label agreement {table['label_agreement']:.3f}")
    words += [f"{share} {table[share]:.2f}" for share in ("precision", "recall") if table[share] is not None]
    return ", ".join(words)


def summed_up(rows: Sequence[Mapping[str, Any]], reference: Reference) -> str:
    """Start, end and floor.

    Args:
        rows: `step`, `frechet_distance`, `kid` and `label_agreement` of every evaluation.
        reference: that they were measured against.
    """
    if not rows:
        return "no evaluation is on record: the metric files are missing"
    first, last = rows[0], rows[-1]
    refused = last["frechet_distance"] is None
    name, key = ("KID", "kid") if refused else ("Frechet distance", "frechet_distance")
    floor = reference.floor.kid if refused else reference.floor.frechet_invariant
    start, end = (f"{row[key]:.4g}" if row[key] is not None else "not on record" for row in (first, last))
    line = f"{prefix(reference.extractor.name)}{name}: {start} at the start, {end} at the end"
    if floor is not None:
        line += f"; real against real: {floor:.4g}"
    if last["label_agreement"] is not None:
        agreement = reference.label_agreement
        line += f". Label agreement: {last['label_agreement']:.3f}; held-out real images: {agreement:.3f}"
    return line


def notices(reference: Reference, samples: int, asked: str) -> Iterator[str]:
    """What has to be known of all figures to come, a line each.

    Args:
        reference: that they will be measured against.
        samples: how many of a generator's will be.
        asked: `evaluation.features`.
    """
    extractor, reals = reference.extractor, reference.reals
    if words := words_for(extractor.name):
        sharper = "; `steergan features download` gets Inception's, which see more" * (asked == "auto")
        yield f"features: {extractor.name}, {SAID[words]}{sharper}"
    if reals.refuses(samples):
        yield (
            f"{reference.protocol.real_count:,} held-out images and {samples:,} samples, "
            f"{len(reals.invariant.mean):,} features: a Frechet distance needs more images than features; "
            "KID is given instead"
        )
    yield from in_words(reference.left_out(samples))


SAID = {
    "texture metric": "a texture metric: it sees scales, orientations and colours, and neither shapes nor layouts",
    "untrained features": "a network that nobody trained, as there is a single class: figures say little; "
    'evaluation.features = "scattering" says more',
}


def prefix(extractor: str) -> str:
    """What stands before figures of an extractor, by its name; empty where nothing need be said."""
    words = words_for(extractor)
    return f"{words}: " if words else ""


def paired_words(found: Mapping[str, Any]) -> str:
    """Pixel by pixel figures of a translator, upright and moved.

    Args:
        found: with l1, psnr, ssim, the same of moved pairs, and the error of equivariance.
    """
    upright, moved = (
        f"L1 {found[f'{side}l1']:.4g} of 255, PSNR {found[f'{side}psnr']:.4g} dB, SSIM {found[f'{side}ssim']:.3f}"
        for side in ("", "turned_")
    )
    error = found["equivariance_error"]
    return f"{upright}; under {found['turned_group']}: {moved}; error of equivariance {error:.2g}"
