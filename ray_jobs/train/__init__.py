"""Training one model: read, check, split, fit, judge, draw, save. Every number is of rows the model has not seen."""

from ray_jobs.train.comparing import compare
from ray_jobs.train.order import TrainOrder
from ray_jobs.train.training import train

__all__ = ["TrainOrder", "compare", "train"]
