"""Batch prediction: from files of articles to a table of answers, in constant memory, and resumable."""

from newstance.serving.batch_prediction.predictions import Prediction, Summary
from newstance.serving.batch_prediction.run import Job, Predictor, RowsPerSecond, predict_to_file, predict_to_terminal

__all__ = ["Job", "Prediction", "Predictor", "RowsPerSecond", "Summary", "predict_to_file", "predict_to_terminal"]
