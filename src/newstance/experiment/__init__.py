"""One YAML file -> a fitted, calibrated, evaluated and tracked model in a run folder."""

from newstance.experiment.run import run_experiment
from newstance.experiment.settings import ExperimentSettings, load_experiment

__all__ = ["ExperimentSettings", "load_experiment", "run_experiment"]
