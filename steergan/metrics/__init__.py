"""How far generated images lie from real ones: features, distances, and the protocol that they hold under.

An extractor turns images into `Features`; `prepare_reference` keeps the real side, `measure` gives a generator's
`Measurement`. What it is made of serves alone: `moments` and `frechet_distance`, `kernel_distance`, `precision_recall`,
`density_coverage`, `label_agreement`, `memorisation`.
"""

from steergan.extras import needed_by

with needed_by("steergan.metrics"):
    from steergan.metrics.agreement import label_agreement, predict
    from steergan.metrics.backbone import Backbone, build_backbone
    from steergan.metrics.backbone_training import BackboneTraining, class_accuracies, train_backbone
    from steergan.metrics.choice import choose_extractor
    from steergan.metrics.classifier_file import (
        SHIPPED,
        classifier_bytes,
        read_class_names,
        read_classifier,
        read_network,
        read_provenance,
        shipped_weights,
        weights_sha256,
    )
    from steergan.metrics.classifier_training import ClassifierTraining, train_classifier
    from steergan.metrics.deformations import Deformation, Stability, relative_stability, responses_of
    from steergan.metrics.distances import Distances, Reals
    from steergan.metrics.features import (
        BackboneExtractor,
        ClassifierExtractor,
        FeatureExtractor,
        Features,
        extract,
        words_for,
    )
    from steergan.metrics.fine_tuning import FineTuned, FineTuning, fine_tune
    from steergan.metrics.frechet import Moments, frechet_distance, moments
    from steergan.metrics.images import image_batches
    from steergan.metrics.inception import InceptionExtractor, download_inception, find_inception
    from steergan.metrics.kernel import kernel_distance
    from steergan.metrics.measurement import Measurement, measure
    from steergan.metrics.memorisation import Memorisation, memorisation
    from steergan.metrics.neighbours import compare_neighbours
    from steergan.metrics.own_classifier import OwnClassifier
    from steergan.metrics.precision_recall import density_coverage, precision_recall
    from steergan.metrics.protocol import Protocol
    from steergan.metrics.reference import Reference, prepare_reference
    from steergan.metrics.scattering import ScatteringExtractor

__all__ = [
    "SHIPPED",
    "Backbone",
    "BackboneExtractor",
    "BackboneTraining",
    "ClassifierExtractor",
    "ClassifierTraining",
    "Deformation",
    "Distances",
    "FeatureExtractor",
    "Features",
    "FineTuned",
    "FineTuning",
    "InceptionExtractor",
    "Measurement",
    "Memorisation",
    "Moments",
    "OwnClassifier",
    "Protocol",
    "Reals",
    "Reference",
    "ScatteringExtractor",
    "Stability",
    "build_backbone",
    "choose_extractor",
    "class_accuracies",
    "classifier_bytes",
    "compare_neighbours",
    "density_coverage",
    "download_inception",
    "extract",
    "find_inception",
    "fine_tune",
    "frechet_distance",
    "image_batches",
    "kernel_distance",
    "label_agreement",
    "measure",
    "memorisation",
    "moments",
    "precision_recall",
    "predict",
    "prepare_reference",
    "read_class_names",
    "read_classifier",
    "read_network",
    "read_provenance",
    "relative_stability",
    "responses_of",
    "shipped_weights",
    "train_backbone",
    "train_classifier",
    "weights_sha256",
    "words_for",
]
