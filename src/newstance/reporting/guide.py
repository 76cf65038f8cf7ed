"""How a report is read: what its columns mean and what its numbers do not say."""

from __future__ import annotations

from newstance.reporting.words import count
from newstance.settings import Settings


def guide(settings: Settings) -> list[tuple[str, str]]:
    """Return pairs of a term and its explanation."""
    evaluation, reference = settings.evaluation, settings.labels.reference
    return [
        (
            "Validation chooses, test reports.",
            "Hyperparameters, calibration and the best experiment are chosen on validation, by models fitted on "
            "train; validation also orders the tables. The chosen settings of linear models are then fitted on train "
            "and validation together, and that model is tested. A transformer stops by its score on validation, so it "
            "is fitted on train alone and the score by which it is ranked is a little too high. The highest score on "
            "test is not what makes an experiment best.",
        ),
        (
            "Intervals.",
            f"Bootstrap intervals at {100 * evaluation.confidence:g} %, from {count(evaluation.resamples)} draws "
            "of whole articles, so that the pairs of one article stay together. They say how far a score depends "
            "on which articles were in test; they do not cover other training data, other annotators or another "
            "time.",
        ),
        (
            "Paired differences.",
            "All experiments are tested on the same articles, so two overlapping intervals can still differ: read"
            " the paired difference to the best, or to the best linear baseline, and its p, which Holm's method "
            "adjusts for the number of comparisons with the same reference.",
        ),
        (
            "Kinds.",
            "A linear model stands on counts or embeddings of words, a transformer is a fine-tuned encoder, an "
            "ensemble is the weighted mean of the probabilities of other experiments. A control gets only a part of "
            "the input that should not suffice; a model that does not beat it has not shown that it reads the article. "
            "Majority always gives the most frequent label of training.",
        ),
        (
            "Scores.",
            "Macro-F1 is the mean of F1 over the labels that occur, each with the same weight, so rare labels "
            "move it much. Balanced accuracy is the mean recall. Log loss and the expected calibration error "
            "(ECE) judge the probabilities; lower is better. Calibration is temperature scaling fitted on "
            "validation.",
        ),
        (
            "Cost.",
            "The time of a prediction is measured on one core, embeddings included; that of training is one fit on "
            "the hardware named beside the scores. An experiment is on the frontier when no other on the same hardware "
            "is both cheaper and better on validation.",
        ),
        (
            "Disputed.",
            "A unit is disputed when an annotator gave another label than the one that counts. Mistakes that are "
            "disputed more often than all units follow the annotators' own doubts; the others are the model's alone.",
        ),
        (
            "Protocols.",
            "Standard: the splits as they are. Outlet-held-out: every outlet in turn is tested by a model that "
            "never saw it. Unseen-target: only test pairs whose target occurs neither in train nor in "
            "validation.",
        ),
        (
            "Labels.",
            "The labels that come with newstance were given by large language models that followed a written "
            "codebook; no person has checked them yet. Models of one kind share blind spots, so their agreement "
            "shows consistency and not truth, and a score here says how well an experiment reproduces that "
            f"reading of the codebook. The reference ({reference}) keeps what two passes agree on and a third "
            "reader's decision elsewhere. For labels of another corpus, read the datasheet that comes with them.",
        ),
        (
            "Reach.",
            "In news, outlet, period and stance are entangled. A score holds for these outlets and these months; "
            "the other protocols and the controls show how much of it may be lost elsewhere. None of this is fit "
            "for scoring people or outlets.",
        ),
    ]
