"""Looking for an experiment's best settings on validation, by Optuna, in any number of processes on one storage."""
