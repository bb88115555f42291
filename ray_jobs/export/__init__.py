"""Writing a model for use elsewhere. The file lies in the results folder, and the job's folder links to it.

| form | what it is | of which models |
|---|---|---|
| card | the model card, HTML | all |
| python | a zip: the model's files, a `predict.py`, and those of our modules that it needs | all |
| onnx | one ONNX file that takes the columns of the table | those whose steps ONNX has operators for |

Where the owner shares no rows, nothing leaves that holds values of them: a model that keeps rows, or the categories of
a column, is exported as its card only.
"""

from ray_jobs.export.exporting import ExportOrder, export

__all__ = ["ExportOrder", "export"]
