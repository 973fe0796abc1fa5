"""Whole pipelines on a cluster, their engines too: `executor`; and `cluster_store`, for their runs."""
