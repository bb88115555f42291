"""Applying a model to a table of any size, or to rows typed in the chat.

The input is read in pieces; for each the model answers and the rows are written, so memory holds one piece at a time.
What is decided here:

- The result has the rows of the input in their order, its columns as they stand, and the answers after them:
  `prediction`; `probability_<class>` for every class; `prediction_low` and `prediction_high` where the model has an
  interval; `reason_1` and so on if asked. A name that the input has already gets `-2`.
- Of two classes the likelier is predicted, unless the spec gives a threshold. The threshold that training found is a
  proposal, shown with the model; it changes no prediction by itself.
- A CSV stays a CSV with its delimiter and decimal mark, its fields unchanged (leading zeros, markers), in UTF-8. It is
  written as it is read: text that a spreadsheet takes for a formula stays that text. In a workbook all text is text.
- The columns are checked on a sample before anything is computed; what all rows held is compared with training while
  they stream by.
"""

from ray_jobs.predict.prediction import PredictOrder, predict

__all__ = ["PredictOrder", "predict"]
