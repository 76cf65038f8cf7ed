"""The champion of a task: the best finished experiment on validation, as a verified bundle in the MLflow registry."""
