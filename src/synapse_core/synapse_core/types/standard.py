"""The semantic types that come with Synapse."""

from __future__ import annotations

from synapse_core.types.base import DataType


class Dataset(DataType):
    """Data to learn from or to work on."""


class DMDataset(Dataset):
    """A dataset in the Datamaker format, of any version."""

    format = "dm"


class DMv1Dataset(DMDataset):
    """A dataset in the Datamaker format, version 1."""

    name = "dm_v1_dataset"
    format = "dm_v1"


class DMv2Dataset(DMDataset):
    """A dataset in the Datamaker format, version 2."""

    name = "dm_v2_dataset"
    format = "dm_v2"


class YOLODataset(Dataset):
    """Images and label files under one dataset.yaml, as YOLO reads them."""

    format = "yolo"


class COCODataset(Dataset):
    """Images and one JSON file of annotations, as COCO lays them out."""

    format = "coco"


class PascalVOCDataset(Dataset):
    """Images and one XML file of annotations each, as Pascal VOC lays them out."""

    format = "pascal_voc"


class TabularDataset(Dataset):
    """Rows and columns: CSV, Parquet, arrays of features."""

    format = "table"


class Model(DataType):
    """A model that has been trained."""


class ModelWeights(Model):
    """Weights, as the framework that trained them saves them."""

    format = "weights"


class ONNXModel(Model):
    """A model in the ONNX format."""

    format = "onnx"


class TensorRTModel(Model):
    """A model built for TensorRT."""

    name = "tensorrt_model"
    format = "tensorrt"


class Result(DataType):
    """What came out of using a model or looking at data."""


class Metrics(Result):
    """Numbers by name that say how good something is."""

    format = "metrics"


class Predictions(Result):
    """What a model says of each item it was given."""

    format = "predictions"


class Artifact(DataType):
    """Files that are kept for people: a report, a drawing, an archive."""


STANDARD: tuple[type[DataType], ...] = (
    DataType,
    Dataset,
    DMDataset,
    DMv1Dataset,
    DMv2Dataset,
    YOLODataset,
    COCODataset,
    PascalVOCDataset,
    TabularDataset,
    Model,
    ModelWeights,
    ONNXModel,
    TensorRTModel,
    Result,
    Metrics,
    Predictions,
    Artifact,
)
"""All of them, parents first."""
