"""What of a folder is shipped to a cluster, and how it gets there."""

from __future__ import annotations

from synapse_ray.packaging.calls import HOME, arrived, departed
from synapse_ray.packaging.shipment import Shipment, packed_shipment
from synapse_ray.packaging.uploading import Upload
from synapse_ray.packaging.zipping import Package, size_text

__all__ = ["HOME", "Package", "Shipment", "Upload", "arrived", "departed", "packed_shipment", "size_text"]
