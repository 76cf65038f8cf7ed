"""Fine-tuned transformers as scikit-learn classifiers over the article table."""

from newstance.models.transformer.classifier import TransformerClassifier

__all__ = ["TransformerClassifier"]
