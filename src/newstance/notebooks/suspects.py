"""Notebook 2: likely label errors by confident learning, and what the other annotators say about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter
from scipy.stats import hypergeom

from newstance.corpus.splits import STANDARD
from newstance.labels.annotations import resolve
from newstance.labels.suspects import judge
from newstance.models.mentions import Aliases
from newstance.notebooks.disagreements import describe, part_of
from newstance.notebooks.labels import read_labels, unit_name
from newstance.notebooks.project import Project
from newstance.reporting import words
from newstance.reporting.drawing import BLUE, LIGHT, VERMILLION, Chart, finish, house_style, new_figure
from newstance.reporting.results import TaskResults
from newstance.scheme import Scheme

FIRST = 0.2  # the share of the labels that a reader may have time for


@dataclass(frozen=True)
class Audit:
    """Labels of the training annotators, judged by a model that didn't learn from them.

    Attributes
    ----------
    scheme
        Of the labels.
    model
        The judge's title.
    reference
        The annotator who decides.
    units
        The unit's columns, the article's outlet, title and text, `split`, `given` (the label under suspicion),
        `suggested` (the model's), `quality` (the model's probability of the label given, lower is more suspicious),
        `suspected`, `other` (another annotator's label) and `decided` (the reference's label); both may be missing.
        The most suspicious first.
    """

    scheme: Scheme
    model: str
    reference: str
    units: pd.DataFrame

    @property
    def suspects(self) -> pd.DataFrame:
        """The labels that confident learning takes for errors."""
        return self.units[self.units["suspected"]]

    @property
    def checked(self) -> pd.DataFrame:
        """The labels that the reference decided on."""
        return self.units.dropna(subset="decided")

    @property
    def queue(self) -> pd.DataFrame:
        """The labels that the reference didn't decide on: what a reader may look at next, the suspects first."""
        unchecked = self.units[self.units["decided"].isna()]
        return unchecked.sort_values(["suspected", "quality"], ascending=[False, True], kind="stable")


def audit(project: Project, results: TaskResults) -> Audit:
    """Judge the training annotators' labels of validation and test by the best linear experiment.

    Its training held out all of these articles. Confident learning (Northcutt et al. 2021) takes the model's
    probabilities, finds for each label above which probability the model means it, and takes for errors the labels
    that the model contradicts with confidence.
    """
    scheme = results.scheme
    best = results.best_linear or results.best
    predictions = project.predictions(best["experiment"])
    predictions = predictions[predictions["protocol"] == STANDARD]
    columns = [f"prob_{code}" for code in scheme.codes]
    probabilities = predictions.groupby([*scheme.unit, "split"], as_index=False)[columns].mean()  # over seeds
    annotations = read_labels(scheme)
    labels = resolve(annotations, project.settings.labels.training, scheme)
    units = probabilities.merge(labels[[*scheme.unit, scheme.name, "annotator"]], on=scheme.unit)
    units = units.rename(columns={scheme.name: "given"})
    units = units.assign(**judge(units["given"], units[columns].set_axis(scheme.codes, axis=1)))
    units = _with_opinions(units, annotations, scheme, results.reference)
    units = units.merge(project.articles[["article_id", "outlet", "title", "text"]], on="article_id")
    return Audit(scheme, best["title"], results.reference, units.sort_values(["quality", *scheme.unit]))


def _with_opinions(units: pd.DataFrame, annotations: pd.DataFrame, scheme: Scheme, reference: str) -> pd.DataFrame:
    """Add what the reference and another annotator say."""
    decided = annotations.loc[annotations["annotator"] == reference, [*scheme.unit, scheme.name]]
    units = units.merge(decided.rename(columns={scheme.name: "decided"}), on=scheme.unit, how="left")
    rest = annotations[annotations["annotator"] != reference].merge(units[[*scheme.unit, "annotator"]], on=scheme.unit)
    rest = rest[rest["annotator_x"] != rest["annotator_y"]]
    other = rest.drop_duplicates(scheme.unit)[[*scheme.unit, scheme.name]].rename(columns={scheme.name: "other"})
    return units.merge(other, on=scheme.unit, how="left")


def contradicted(units: pd.DataFrame) -> pd.Series[bool]:
    """Say which of the checked labels the reference contradicts."""
    return units["decided"] != units["given"]


def method_in_words(found: Audit) -> str:
    """Say what was judged and how many labels are suspects."""
    unit = unit_name(found.scheme)
    return (
        f"**{found.scheme.title}.** {found.model} judges {words.plural(len(found.units), unit)} of validation and "
        f"test: {words.plural(len(found.suspects), 'label')} are suspects. {found.reference.capitalize()} decided on "
        f"{words.count(len(found.checked))} of all, and on {words.count(found.suspects['decided'].notna().sum())} of "
        "the suspects."
    )


def verdicts(audits: Sequence[Audit], confidence: float) -> pd.DataFrame:
    """Count how often others contradict the suspects, beside what a random sample as large would give; to be shown."""
    rows = []
    for found in audits:
        checked = found.checked
        for name, part in (("suspects", checked[checked["suspected"]]), ("all checked labels", checked)):
            others = part.dropna(subset="other")
            chance = _chance(found, len(part), confidence) if name == "suspects" else words.MISSING
            rows.append(
                [
                    f"{found.scheme.title.lower()}: {name}",
                    _share(contradicted(part), confidence),
                    chance,
                    _share(others["other"] != others["given"], confidence),
                ]
            )
    reference = audits[0].reference
    columns = ["labels", f"{reference} says otherwise", "of as many at random", "another annotator says otherwise"]
    return pd.DataFrame(rows, columns=columns)


def _share(hits: pd.Series[bool], confidence: float) -> str:
    return part_of(int(hits.sum()), len(hits), confidence) if len(hits) else words.MISSING


def _chance(found: Audit, drawn: int, confidence: float) -> str:
    """Say how many contradicted labels a random sample of checked ones holds."""
    if found.checked.empty:
        return words.MISSING
    wrong = int(contradicted(found.checked).sum())
    low, high = hypergeom(len(found.checked), wrong, drawn).interval(confidence)
    return f"{drawn * wrong / len(found.checked):.1f} [{low:.0f}, {high:.0f}]"


def yields(found: Audit) -> tuple[int, int, int]:
    """Return how many suspects were checked, how many of them the reference contradicts, and how many of all."""
    suspected = found.checked["suspected"]
    wrong = contradicted(found.checked)
    return int(suspected.sum()), int((wrong & suspected).sum()), int(wrong.sum())


def gains(audits: Sequence[Audit], confidence: float) -> Chart | str:
    """Draw the share of wrong labels found against the share of labels read, the most suspicious first."""
    drawn = [found for found in audits if yields(found)[2]]
    if not drawn:
        return "No annotator decided against a label here, so there is no way to see whether the audit works."
    with house_style():
        figure = new_figure(4.3, _gains_title(drawn), width=2.4 + 3.1 * len(drawn))
        for axes, found in zip(np.atleast_1d(figure.subplots(1, len(drawn), sharey=True)), drawn, strict=True):
            _gain(axes, found, confidence)
        figure.axes[0].set_ylabel(f"share of the labels that {drawn[0].reference} contradicts")
        handles, labels = figure.axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=3)
        caption = (
            "How many of the wrong labels a reader finds who starts with the most suspicious one (least probable to "
            f"the model), of those that {drawn[0].reference} decided on. The band holds {100 * confidence:g} % of "
            "random orders; the mark is where reading all suspects of confident learning leads."
        )
        return finish(figure, "labels-audit", _gains_title(drawn), caption)


def _gain(axes: Axes, found: Audit, confidence: float) -> None:
    checked = found.checked
    wrong = contradicted(checked).to_numpy()
    read = np.arange(len(checked) + 1)
    low, high = hypergeom(len(checked), wrong.sum(), read).interval(confidence)
    share = read / len(checked)
    axes.fill_between(share, low / wrong.sum(), high / wrong.sum(), color=LIGHT, linewidth=0, label="random order")
    axes.plot(share, np.append(0, wrong.cumsum()) / wrong.sum(), color=BLUE, linewidth=2, label="most suspicious first")
    suspects, hits, _ = yields(found)
    axes.plot(
        suspects / len(checked), hits / wrong.sum(), color=VERMILLION, marker="D", markersize=8, linestyle="none",
        label="all suspects",
    )  # fmt: skip
    axes.set_title(
        f"{found.scheme.title}: {found.reference} contradicts {words.count(wrong.sum())} of {words.count(len(checked))}"
    )
    axes.set(xlabel="share of the labels that are read", xlim=(0, 1), ylim=(0, 1.02))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1])
    axes.grid(color=LIGHT)


def _gains_title(audits: Sequence[Audit]) -> str:
    parts = []
    for found in audits:
        suspects, hits, wrong = yields(found)
        expected = suspects * wrong / len(found.checked)
        parts.append(
            f"{words.count(hits)} of {words.count(wrong)} wrong {found.scheme.name} labels ({expected:.1f} expected by "
            "chance)"
        )
    return f"The suspects hold {' and '.join(parts)}"


def lesson(found: Audit, confidence: float) -> str:
    """Say what the audit of a task is worth, from its checked labels."""
    suspects, hits, wrong = yields(found)
    if not suspects or not wrong:
        return f"Of the suspected {found.scheme.name} labels none is known to be wrong or right."
    p_value = hypergeom(len(found.checked), wrong, suspects).sf(hits - 1)
    more = "more often than" if p_value < 1 - confidence else "hardly more often than"
    kept = f"{found.reference} keeps {part_of(suspects - hits, suspects, confidence)} of them"
    first = contradicted(found.checked).head(round(FIRST * len(found.checked)))
    return (
        f"**{found.scheme.title}.** Suspects are wrong {more} labels drawn by chance (p {words.p_value(p_value)}), and "
        f"{kept}: there it is the model that errs. Who reads the {100 * FIRST:.0f}\N{NO-BREAK SPACE}% that the model "
        f"finds least probable sees {part_of(int(first.sum()), wrong, confidence)} wrong labels."
    )


def listed(found: Audit, aliases: Aliases, each: int = 3) -> pd.DataFrame:
    """Quote the most suspicious of the suspects that the reference contradicts, and of those that it keeps."""
    suspects = found.checked[found.checked["suspected"]]
    wrong = contradicted(suspects)
    rows = pd.concat([suspects[wrong].head(each), suspects[~wrong].head(each)])
    facts = describe(rows, found.scheme, aliases)
    facts["label"] = rows["given"].to_numpy()
    facts["its probability"] = [f"{quality:.3f}" for quality in rows["quality"]]
    for column, name in (("suggested", "model"), ("other", "other annotator"), ("decided", found.reference)):
        facts[name] = rows[column].fillna(words.MISSING).to_numpy()
    return facts
