"""Models: scikit-learn classifiers over one table (columns `title`, `text` and, for stances, `target`)."""
