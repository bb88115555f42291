"""A training as its task sees it."""

from ray_jobs.order import Order
from ray_jobs.spec import TrainSpec

TrainOrder = Order[TrainSpec]
