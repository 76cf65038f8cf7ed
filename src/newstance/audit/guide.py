"""How the page is read, and by which numbers it judges."""

from __future__ import annotations

from newstance.audit import thresholds
from newstance.reporting.words import count
from newstance.settings import EvaluationSettings


def guide(settings: EvaluationSettings) -> list[tuple[str, str]]:
    """Return pairs of a term and its explanation, with the thresholds in force."""
    share = f"{100 * thresholds.SHARED_LEAK:g} %"
    leak, drop = f"{100 * thresholds.SHORTCUT_LEAK:g} %", f"{thresholds.DROP_LEAK:g}"
    return [
        (
            "Severity.",
            "Clean: nothing that is surely there. Watch: it is there, but small. Leak: scores on this test set say "
            "something else than how well a model reads articles that it could not know.",
        ),
        (
            "Shared things.",
            f"Near-duplicates in train are to be watched from the first on, and a leak from {share} of test articles "
            "on. Shared outlets are to be watched, and a leak where the outlet tells the label. Authors and "
            f"boilerplate are judged by what they tell (next), and are to be watched from {share} of test articles on.",
        ),
        (
            "Shortcuts.",
            "A model that sees only the outlet, the month, the length (ten bins), the target, the first byline, the "
            "names of outlets, authors and sections in the text, or the boilerplate. It is to be watched when its "
            "accuracy is above the majority's (the interval of the difference excludes 0), and a leak when it also "
            f"makes at least {leak} of the full text's gain over the majority. Title and target is a part of the input "
            "and no shortcut.",
        ),
        (
            "Drops.",
            "The full text's model without outlet names and bylines, on unseen outlets, and without near-duplicates in "
            f"train: to be watched when the interval of the drop excludes 0, a leak when it is also {drop} or more. "
            f"A side of fewer than {thresholds.SIDE_ARTICLES} articles is not judged.",
        ),
        (
            "Near-duplicates.",
            f"Jaccard similarity of the sets of {thresholds.NEAR_DUPLICATES.shingle_words}-word shingles of two texts, "
            f"at least {thresholds.NEAR_DUPLICATES.similarity:g} (MinHash proposes the pairs).",
        ),
        (
            "Authors.",
            "Two to four capitalised words after By at the beginning, or near the end in phrases such as reporting by "
            "…, … contributed, … reported from, … is a reporter. Articles without such a line have no author here.",
        ),
        (
            "Boilerplate.",
            f"A sentence or line of at least {thresholds.BOILERPLATE_WORDS} words in at least "
            f"{thresholds.BOILERPLATE_ARTICLES} articles, near-duplicates counted once; case and digits don't matter.",
        ),
        (
            "Tell-tale tokens.",
            f"Tokens of at least {thresholds.TOKEN_ARTICLES} articles of train, ranked by the z-score of their "
            "log-odds with an informative prior (after Monroe, Colaresi and Quinn 2008). The one-token rule gives "
            "a unit with the token the label, and every other the most frequent label of those in train without it. "
            "That a word tells the label is what reading is; that a name does is not.",
        ),
        (
            "Masked text.",
            "Names of outlets replaced, lines that are bylines, credits or boilerplate dropped "
            "(newstance.corpus.masking). House style, and what an outlet writes about, remain.",
        ),
        (
            "Intervals.",
            f"Bootstrap intervals at {100 * settings.confidence:g} %, from {count(settings.resamples)} draws of whole "
            "articles; differences are taken on the same draws.",
        ),
    ]
