"""Models as ONNX graphs, written operator by operator.

Not through skl2onnx and onnxmltools: with the versions of onnx and scikit-learn that we run, skl2onnx 1.20 writes no
histogram gradient boosting, and for numbers in double precision no forest or boosting that ONNX Runtime opens; and
both cut LightGBM's and scikit-learn's thresholds to single precision, so that rows near a border go the other way.
Here every number stays in double precision up to the sum of the trees, which ONNX gives in single.
"""

from ray_jobs.export.graphs.file import write_onnx

__all__ = ["write_onnx"]
