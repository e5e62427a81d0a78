"""Bytes: weights, what is alive in inference, what training keeps, and the peak of a step."""

from archspec.memory.inference import InferenceMemory, inference_memory, storages
from archspec.memory.kept import KeptTensor, kept_for_backward
from archspec.memory.sizes import DTYPE_BYTES, DTYPES, Dtype, weight_bytes

__all__ = [
    "DTYPES",
    "DTYPE_BYTES",
    "Dtype",
    "InferenceMemory",
    "KeptTensor",
    "inference_memory",
    "kept_for_backward",
    "storages",
    "weight_bytes",
]
