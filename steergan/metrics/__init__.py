"""How far generated images lie from real ones: features, distances, and the protocol that they hold under."""

from steergan.metrics.agreement import label_agreement, predict
from steergan.metrics.backbone import Backbone, build_backbone
from steergan.metrics.backbone_training import BackboneTraining, class_accuracies, train_backbone
from steergan.metrics.choice import choose_extractor
from steergan.metrics.classifier_file import (
    classifier_bytes,
    read_class_names,
    read_classifier,
    read_network,
    read_provenance,
    shipped_weights,
    weights_sha256,
)
from steergan.metrics.classifier_training import ClassifierTraining, train_classifier
from steergan.metrics.distances import Distances, Floor, floor, is_refused
from steergan.metrics.features import (
    BackboneExtractor,
    ClassifierExtractor,
    FeatureBatch,
    FeatureExtractor,
    Features,
    extract,
    image_batches,
)
from steergan.metrics.frechet import Moments, frechet_distance, moments
from steergan.metrics.inception import InceptionExtractor, download_inception, find_inception
from steergan.metrics.kernel import kernel_distance
from steergan.metrics.measurement import Measurement, measure
from steergan.metrics.memorisation import Memorisation, memorisation
from steergan.metrics.precision_recall import density_coverage, precision_recall
from steergan.metrics.reference import Reference, prepare_reference

__all__ = [
    "Backbone",
    "BackboneExtractor",
    "BackboneTraining",
    "ClassifierExtractor",
    "ClassifierTraining",
    "Distances",
    "FeatureBatch",
    "FeatureExtractor",
    "Features",
    "Floor",
    "InceptionExtractor",
    "Measurement",
    "Memorisation",
    "Moments",
    "Reference",
    "build_backbone",
    "choose_extractor",
    "class_accuracies",
    "classifier_bytes",
    "density_coverage",
    "download_inception",
    "extract",
    "find_inception",
    "floor",
    "frechet_distance",
    "image_batches",
    "is_refused",
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
    "shipped_weights",
    "train_backbone",
    "train_classifier",
    "weights_sha256",
]
