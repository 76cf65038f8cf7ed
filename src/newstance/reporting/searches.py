"""What searches found (`newstance search`): their history, and which settings mattered."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from newstance.errors import NewstanceError
from newstance.reporting import words
from newstance.reporting.contents import Cell, Table
from newstance.reporting.drawing import BLUE, GREY, VERMILLION, Chart, finish, house_style, label_rows, new_figure
from newstance.reporting.results import records
from newstance.search.results import COMPLETE, IMPORTANCE_COLUMNS, PRUNED, TRIAL_COLUMNS

SHOWN_TRIALS = 10
IMPORTANCE = ".importance"


def read_searches(folder: Path) -> dict[str, tuple[pd.DataFrame, pd.DataFrame]]:
    """Read the tables of all searches.

    Parameters
    ----------
    folder
        Where `newstance.search.results.write_results` has put them; may be missing.

    Returns
    -------
    dict
        By the experiment's name: the trials, settings as text, and the settings' importance.

    Raises
    ------
    NewstanceError
        When a table lacks a column, or a search has no complete trial.
    """
    found = {}
    for path in sorted(folder.glob("*.csv")):
        if path.stem.endswith(IMPORTANCE):
            continue
        numbers = {"macro_f1": float, "log_loss": float, "seconds": float, "trial": int}
        trials = pd.read_csv(path, dtype=str, keep_default_na=False, na_values={name: [""] for name in numbers})
        if list(trials.columns[: len(TRIAL_COLUMNS)]) != TRIAL_COLUMNS or COMPLETE not in set(trials["state"]):
            raise NewstanceError(f"{path} is no table of a search; write it anew (newstance search).")
        shares = path.with_name(f"{path.stem}{IMPORTANCE}.csv")
        importance = pd.read_csv(shares) if shares.is_file() else pd.DataFrame(columns=IMPORTANCE_COLUMNS)
        found[path.stem] = (trials.astype(numbers), importance)
    return found


def charts_of(name: str, trials: pd.DataFrame, importance: pd.DataFrame) -> list[Chart]:
    """Draw a search's history and, where scores differ, the importance of its settings."""
    with house_style():
        drawn = [_history(name, trials)]
        if not importance.empty:
            drawn.append(_importance(name, importance))
    return drawn


def _history(name: str, trials: pd.DataFrame) -> Chart:
    """Draw the scores of the trials in their order, and the best so far."""
    complete, pruned = (trials[trials["state"] == state] for state in (COMPLETE, PRUNED))
    pruned = pruned.dropna(subset=["macro_f1"])
    best = records(complete.sort_values(["macro_f1", "log_loss"], ascending=[False, True]))[0]
    title = (
        f"Search of {name}: macro-F1 on validation {words.score(best['macro_f1'])} in trial {best['trial']}, "
        f"{words.score(complete['macro_f1'].iloc[0])} in the first"
    )
    figure = new_figure(3.2, title)
    axes = figure.add_subplot()
    axes.plot(complete["trial"], complete["macro_f1"], "o", color=BLUE, label="complete")
    if not pruned.empty:
        axes.plot(pruned["trial"], pruned["macro_f1"], "X", color=GREY, label="pruned, as far as it came")
    axes.step(complete["trial"], complete["macro_f1"].cummax(), where="post", color=VERMILLION, label="best so far")
    axes.set(xlabel="trial", ylabel="macro-F1 on validation")
    axes.grid(axis="y")
    axes.legend(loc="best")
    caption = (
        "Every point is a trial, fitted on train with the experiment's seeds and scored on validation. The best of "
        "many trials is flattered by having been chosen; test was not looked at."
    )
    return finish(figure, f"search-{name}-history", title, caption)


def _importance(name: str, importance: pd.DataFrame) -> Chart:
    """Draw the share of each setting as a bar."""
    first = records(importance)[0]
    title = f"Search of {name}: {first['setting']} mattered most ({first['importance']:.0%})"
    figure = new_figure(1.3 + 0.3 * len(importance), title)
    axes = figure.add_subplot()
    axes.barh(range(len(importance)), importance["importance"], height=0.6, color=BLUE)
    label_rows(axes, list(importance["setting"]))
    axes.set(xlabel="importance", xlim=(0, 1))
    axes.grid(axis="x")
    caption = (
        "How much each setting tells the best trials from all of them (PED-ANOVA, Watanabe et al. 2023), as shares "
        "of 1. So few trials make it a rough estimate."
    )
    return finish(figure, f"search-{name}-importance", title, caption)


def trials_table(name: str, trials: pd.DataFrame) -> Table:
    """Show the best trials with their settings."""
    settings = list(trials.columns[len(TRIAL_COLUMNS) :])
    complete = trials[trials["state"] == COMPLETE]
    ordered = complete.sort_values(["macro_f1", "log_loss", "trial"], ascending=[False, True, True])
    rows = [
        [
            Cell(str(row["trial"])),
            *(Cell(row[setting]) for setting in settings),
            Cell(words.score(row["macro_f1"])),
            Cell(words.score(row["log_loss"])),
        ]
        for row in records(ordered.head(SHOWN_TRIALS))
    ]
    pruned = int((trials["state"] == PRUNED).sum())
    caption = f"The best of {len(trials)} trials ({pruned} pruned) of {name}, scored on validation."
    columns = ["trial", *settings, "macro-F1", "log loss"]
    return Table(caption, columns, rows, texts=1 + len(settings), strong=frozenset({0}))
