"""Choosing the champion of a task: the best finished experiment on validation; test is never looked at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from pydantic import BaseModel

from newstance.errors import NewstanceError
from newstance.evaluation.experiments import Experiment, ranked
from newstance.evaluation.runs import Run, read_runs
from newstance.files import file_sha256, read_json
from newstance.settings import Settings
from newstance.tracking.folder import Identity, parse
from newstance.tracking.registry import Provenance, Registered

CONVERTING = ("bundle", "champion")


class _Validation(BaseModel):
    macro_f1: float
    log_loss: float


class _Part(BaseModel):
    """Of metrics.json, or of a seed in scores.json, the validation part only."""

    validation: _Validation


class _Scores(BaseModel):
    seeds: dict[int, _Part]


@dataclass(frozen=True)
class Candidate:
    """A finished experiment, and the seed whose model would be the champion.

    Attributes
    ----------
    run
        The run folder's content.
    identity
        Which execution of the experiment it is.
    macro_f1
        On validation, mean over seeds; by this experiments are compared.
    seed, seed_macro_f1
        The seed with the highest macro-F1 on validation (of equal ones the lowest), and that score.
    """

    run: Run
    identity: Identity
    macro_f1: float
    seed: int
    seed_macro_f1: float

    @property
    def name(self) -> str:
        """The experiment's name."""
        return self.run.settings.experiment

    @property
    def provenance(self) -> Provenance:
        """What the registered version says of where it comes from."""
        return Provenance(
            experiment=self.name,
            seed=self.seed,
            run_id=self.identity.id,
            data=self.run.settings.data,
            validation_macro_f1=self.macro_f1,
            code=code_hash(),
        )


@dataclass(frozen=True)
class Decision:
    """Whether the first candidate is registered, and why, in one sentence."""

    register: bool
    reason: str


def candidates(task: str, settings: Settings) -> list[Candidate]:
    """Return the finished experiments of a task, best first in the order of the comparison.

    Controls and the majority are no candidates; experiments of the study aren't either.

    Raises
    ------
    NewstanceError
        When none is finished, a run folder is damaged, or two were made from different data.
    """
    folders = [settings.run_folder(name) for name in experiments(task, settings)]
    finished = [folder for folder in folders if folder.is_dir()]
    earnest = [one for one in map(_on_validation, read_runs(finished)) if one.in_earnest] if finished else []
    if not earnest:
        raise NewstanceError(f"No experiment of task '{task}' is finished; run one first (newstance run or dvc repro).")
    for one in earnest:
        if one.run.settings.data != earnest[0].run.settings.data:
            raise NewstanceError(
                f"{earnest[0].run.folder} and {one.run.folder} were made from different data, so their scores can't be "
                "compared; run the older one again (dvc repro)."
            )
    return [_candidate(one) for one in ranked(earnest)]


def experiments(task: str, settings: Settings) -> list[str]:
    """Return the names of the experiments of a task that are compared, finished or not."""
    tasks = (
        settings.experiments | settings.weak | {name: ensemble.task for name, ensemble in settings.ensembles.items()}
    )
    return [name for name in settings.names() if tasks[name] == task]


def decide(
    candidate: Candidate, incumbent: Registered | None, rolled_back: Iterable[Registered], *, force: bool
) -> Decision:
    """Decide whether a candidate becomes the champion in the place of the present one, if there is one.

    `rolled_back` are the versions that were champion until a rollback.
    """
    new = candidate.provenance
    decision = _decide(new, incumbent)
    # The incumbent's own run may be converted anew, but not by the code whose conversion was rolled back.
    away = [one for one in rolled_back if _is(new, one) and (not _is(new, incumbent) or _code(one) == new.code)]
    if decision.register and away:
        decision = Decision(False, f"It was rolled back, as version {away[0].version}; --force brings it again.")
    if force and not decision.register:
        return Decision(True, f"{decision.reason} It is registered all the same, by force.")
    return decision


def _decide(new: Provenance, incumbent: Registered | None) -> Decision:
    if incumbent is None:
        return Decision(True, "It is the first one.")
    old, place = incumbent.provenance, f"version {incumbent.version} of {incumbent.name}"
    if old is None:
        reason = f"The champion, {place}, was not made by newstance, so the scores can't be compared"
        return Decision(False, f"{reason}; --force replaces it.")
    if _is(new, incumbent):
        other = new.code != old.code
        return Decision(other, f"It is the champion already, as {place}{', but other code converted it' * other}.")
    scores = f"{new.validation_macro_f1:.6f} against {old.validation_macro_f1:.6f} of {old.experiment}, {place}"
    if new.data != old.data:
        reason = f"The champion {old.experiment}, {place}, was validated on other data, so the scores can't be compared"
        return Decision(False, f"{reason}; --force replaces it.")
    if new.validation_macro_f1 < old.validation_macro_f1:
        return Decision(False, f"Its macro-F1 on validation is lower, {scores}; --force replaces it all the same.")
    word = "higher" if new.validation_macro_f1 > old.validation_macro_f1 else "as high"
    return Decision(True, f"Its macro-F1 on validation is {word}, {scores}.")


def _is(new: Provenance, version: Registered | None) -> bool:
    """Whether a version comes from the same run and seed."""
    old = version.provenance if version else None
    return old is not None and (new.run_id, new.seed) == (old.run_id, old.seed)


def _code(version: Registered) -> str:
    return version.provenance.code if version.provenance else ""


@lru_cache
def code_hash() -> str:
    """Return a hash of the code that decides what is in a bundle: a bundle that other code wrote is made anew."""
    package = Path(__file__).parents[1]
    files = sorted(path for part in CONVERTING for path in (package / part).glob("*.py"))
    return sha256("".join(file_sha256(path) for path in files).encode()).hexdigest()[:16]


def _on_validation(run: Run) -> Experiment:
    """Give a run its validation scores alone, which is all that ranking needs."""
    path = run.folder / "metrics.json"
    return Experiment(run, parse(_Part, read_json(path), path).validation.model_dump(), evaluations={})


def _candidate(one: Experiment) -> Candidate:
    folder = one.run.folder
    scores = parse(_Scores, read_json(folder / "scores.json"), folder / "scores.json").seeds
    seed = _best_seed(scores, one.run.settings.seeds, str(folder / "scores.json"))
    identity = parse(Identity, read_json(folder / "run.json"), folder / "run.json")
    return Candidate(one.run, identity, one.validation["macro_f1"], seed, scores[seed].validation.macro_f1)


def _best_seed(scores: dict[int, _Part], seeds: Sequence[int], source: str) -> int:
    if missing := sorted(set(seeds) - set(scores)):
        raise NewstanceError(f"{source} lacks seed {missing[0]}; run the experiment again.")
    return min(seeds, key=lambda seed: (-scores[seed].validation.macro_f1, seed))
