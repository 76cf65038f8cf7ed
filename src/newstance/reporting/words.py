"""Numbers and findings in words: every sentence of a report that carries a result."""

from __future__ import annotations

import pandas as pd

from newstance.reporting.results import Row, TaskResults, records

MISSING = "–"


def score(value: float) -> str:
    """Write three decimals, or a dash for a missing value."""
    return MISSING if pd.isna(value) else f"{value:.3f}"


def interval(low: float, high: float) -> str:
    """Write ``[low, high]``, or nothing where the interval is undefined."""
    return "" if pd.isna(low) or pd.isna(high) else f"[{score(low)}, {score(high)}]"


def with_interval(row: Row, metric: str) -> str:
    """Write a score and its interval, from the columns `metric`, `metric`_low and `metric`_high of a row."""
    return f"{score(row[metric])} {interval(row[metric + '_low'], row[metric + '_high'])}".strip()


def signed(value: float) -> str:
    """Write three decimals with a sign (a true minus)."""
    if pd.isna(value):
        return MISSING
    text = f"{value:+.3f}"
    return "0.000" if float(text) == 0 else text.replace("-", "−")


def p_value(value: float) -> str:
    """Write three decimals; smaller values as a bound."""
    if pd.isna(value):
        return MISSING
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def count(value: float) -> str:
    """Write a whole number with thousands separated, or one decimal (a mean over seeds)."""
    if pd.isna(value):
        return MISSING
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"


def milliseconds(seconds: float) -> str:
    """Write three significant digits, in milliseconds."""
    return MISSING if pd.isna(seconds) else f"{1000 * seconds:.3g}"


def minutes(value: float) -> str:
    """Write three significant digits."""
    return MISSING if pd.isna(value) else f"{value:.3g}"


def plural(number: float, word: str) -> str:
    """Write a count and its noun."""
    return f"{count(number)} {word if number == 1 else word + 's'}"


def seeds(row: Row) -> str:
    """Say how many seeds a score is the mean of, and how far they lie apart; nothing for a single one."""
    if row["seeds"] == 1:
        return ""
    return f"({row['seeds']} seeds, SD of macro-F1 {score(row['macro_f1_seed_sd'])})"


def description(results: TaskResults) -> str:
    """Say what the task is and what it was tested on, in two sentences."""
    scheme, best = results.scheme, results.best
    subject = "Every pair of an article and a target" if scheme.has_targets else "Every article"
    names = "; ".join(label.name for label in scheme.labels)
    tested = plural(best["units"], f"test {results.unit}")
    if scheme.has_targets:
        tested += f" from {plural(best['articles'], 'article')}"
    lenient = ", and lenient accuracy also accepts an article's secondary label" if results.lenient else ""
    return f"{subject} gets one of {len(scheme.labels)} labels: {names}. Scores are on {tested}{lenient}."


def finding(results: TaskResults) -> str:
    """State the result in one sentence: the best experiment, what exceeds it on test, paired tests, the controls."""
    best = results.best
    scores = f"macro-F1 {with_interval(best, 'macro_f1')} and accuracy {with_interval(best, 'accuracy')} on test"
    if len(results.ranked) == 1:
        return f"{best['title']} is the only experiment so far and scores {scores}."
    parts = [f"{best['title']}, the best on validation, scores {scores}", _above_best(results)]
    parts += [part for part in (_over_linear(results), _tested(results), _controls(results)) if part]
    return "; ".join(parts) + "."


def leader_on_test(results: TaskResults) -> Row:
    """Return the row with the highest macro-F1 on test; the best on validation where they tie."""
    highest = results.ranked["macro_f1"].max()
    if results.best["macro_f1"] == highest:
        return results.best
    return records(results.ranked[results.ranked["macro_f1"] == highest])[0]


def _above_best(results: TaskResults) -> str:
    leader = leader_on_test(results)
    if leader["experiment"] == results.best["experiment"]:
        return "no other experiment scores a higher macro-F1 there"
    return f"the highest macro-F1 there is that of {leader['title']}, {score(leader['macro_f1'])}"


def _tested(results: TaskResults) -> str:
    tests = results.tests(results.best, "macro_f1")
    return compared(list(tests.values()), results.confidence) + " (paired bootstrap)" if tests else ""


def compared(tests: list[Row], confidence: float) -> str:
    """Count the experiments that differ from their reference, from rows of ``difference`` and ``p_bootstrap_holm``."""
    different = [row["difference"] for row in tests if row["p_bootstrap_holm"] < 1 - confidence]
    below, above = sum(value < 0 for value in different), sum(value > 0 for value in different)
    counts = f"{below} of {plural(len(tests), 'other')} {'is' if below == 1 else 'are'} below it"
    if above:
        counts += f" and {above} above"
    return f"{counts} at the {100 * (1 - confidence):g} % level after Holm's correction"


def _over_linear(results: TaskResults) -> str:
    linear = results.best_linear
    if linear is None or linear["experiment"] == results.best["experiment"]:
        return ""
    test = results.tests(linear, "macro_f1").get(results.best["experiment"])
    if test is None:
        return ""
    low_high = f"[{signed(test['low'])}, {signed(test['high'])}]"
    return (
        f"against the best linear baseline, {linear['title']}, its macro-F1 differs by {signed(test['difference'])} "
        f"{low_high} (p {p_value(test['p_bootstrap_holm'])} after Holm's correction)"
    )


def hardware(results: TaskResults) -> str:
    """Say on what hardware the experiments ran."""
    counts = results.ranked["hardware"].value_counts(sort=False)
    return "Made on " + "; ".join(f"{name} ({plural(n, 'experiment')})" for name, n in sorted(counts.items())) + "."


def _controls(results: TaskResults) -> str:
    controls = results.ranked[results.ranked["role"] == "control"]
    if controls.empty or results.best["role"] == "control":
        return ""
    first = records(controls)[0]
    return f"the best control on validation, {first['title']}, reaches macro-F1 {score(first['macro_f1'])}"


def agreement(results: TaskResults) -> str:
    """Say how far annotators agree, and how they score against the reference; "" where no two annotators overlap."""
    sentences = []
    pairs = results.tables["agreement"]
    for row in records(pairs[pairs["slice"] == "overall"]):
        if results.reference in (row["pair"].split("-", 1)[0], row["pair"].rsplit("-", 1)[-1]):
            continue
        sentences.append(
            f"Annotators {row['pair'].replace('-', ' and ', 1)} agree on {100 * row['agreement']:.1f} % of "
            f"{plural(row['units'], results.unit)}: Cohen's kappa {with_interval(row, 'kappa')}, "
            f"Krippendorff's alpha {with_interval(row, 'alpha')}."
        )
    scored = [
        f"{row['annotator']} macro-F1 {with_interval(row, 'macro_f1')} and accuracy {with_interval(row, 'accuracy')}"
        for row in records(results.tables["annotators"])
    ]
    if scored:
        sentences.append(
            f"Scored against {results.reference} as if they were models, annotators reach: {'; '.join(scored)}. "
            f"That is optimistic where {results.reference} was made from their own labels (an adjudicated reference "
            "keeps every label on which they agree): an upper mark, not what an independent annotator would reach."
        )
    return " ".join(sentences)
