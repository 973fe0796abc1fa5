"""Whole pipelines on a cluster, their engines too: `RayPipelineExecutor`; and `ClusterStore`, for their runs."""

from __future__ import annotations

from synapse_ray.pipeline.cluster_store import ClusterStore
from synapse_ray.pipeline.executor import RayPipelineExecutor

__all__ = ["ClusterStore", "RayPipelineExecutor"]
