"""Semantic types: what an action takes and gives, so that a pipeline that cannot work is found when it is built.

::

    DataType
    ├── Dataset     DMDataset (DMv1Dataset, DMv2Dataset), YOLODataset, COCODataset, PascalVOCDataset, TabularDataset
    ├── Model       ModelWeights, ONNXModel, TensorRTModel
    ├── Result      Metrics, Predictions
    └── Artifact

A type is a class and is never instantiated::

    class Train(BaseAction[TrainParams]):
        input_type = YOLODataset
        output_type = ModelWeights

A type of your own is a subclass; to name it in a ``config.yaml``, hand it out by the hook ``synapse_data_types``.
"""

from __future__ import annotations

from synapse_core.types.base import DataType, Fit, compatible
from synapse_core.types.registry import TypeRegistry
from synapse_core.types.standard import (
    STANDARD,
    Artifact,
    COCODataset,
    Dataset,
    DMDataset,
    DMv1Dataset,
    DMv2Dataset,
    Metrics,
    Model,
    ModelWeights,
    ONNXModel,
    PascalVOCDataset,
    Predictions,
    Result,
    TabularDataset,
    TensorRTModel,
    YOLODataset,
)

__all__ = [
    "STANDARD",
    "Artifact",
    "COCODataset",
    "DMDataset",
    "DMv1Dataset",
    "DMv2Dataset",
    "DataType",
    "Dataset",
    "Fit",
    "Metrics",
    "Model",
    "ModelWeights",
    "ONNXModel",
    "PascalVOCDataset",
    "Predictions",
    "Result",
    "TabularDataset",
    "TensorRTModel",
    "TypeRegistry",
    "YOLODataset",
    "compatible",
]
