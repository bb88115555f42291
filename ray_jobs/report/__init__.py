"""What a person is shown of a model: pictures and the model card."""

from ray_jobs.report.card import model_card
from ray_jobs.report.distributions import draw_distributions
from ray_jobs.report.facts import CardFacts
from ray_jobs.report.pictures import draw_pictures

__all__ = ["CardFacts", "draw_distributions", "draw_pictures", "model_card"]
