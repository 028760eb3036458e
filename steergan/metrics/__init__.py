"""How far generated images lie from real ones: features, distances, and the protocol that they hold under."""

from steergan.metrics.agreement import label_agreement, predict
from steergan.metrics.choice import choose_extractor
from steergan.metrics.classifier_file import (
    classifier_bytes,
    read_class_names,
    read_classifier,
    read_provenance,
    shipped_weights,
    weights_sha256,
)
from steergan.metrics.classifier_training import ClassifierTraining, train_classifier
from steergan.metrics.features import (
    ClassifierExtractor,
    FeatureBatch,
    FeatureExtractor,
    Features,
    extract,
    image_batches,
)
from steergan.metrics.frechet import Moments, frechet_distance, moments
from steergan.metrics.inception import InceptionExtractor, find_inception
from steergan.metrics.kernel import kernel_distance
from steergan.metrics.measurement import Distances, Floor, Measurement, Reference, floor, measure, prepare_reference
from steergan.metrics.precision_recall import precision_recall

__all__ = [
    "ClassifierExtractor",
    "ClassifierTraining",
    "Distances",
    "FeatureBatch",
    "FeatureExtractor",
    "Features",
    "Floor",
    "InceptionExtractor",
    "Measurement",
    "Moments",
    "Reference",
    "choose_extractor",
    "classifier_bytes",
    "extract",
    "find_inception",
    "floor",
    "frechet_distance",
    "image_batches",
    "kernel_distance",
    "label_agreement",
    "measure",
    "moments",
    "precision_recall",
    "predict",
    "prepare_reference",
    "read_class_names",
    "read_classifier",
    "read_provenance",
    "shipped_weights",
    "train_classifier",
    "weights_sha256",
]
