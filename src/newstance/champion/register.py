"""From the finished experiments to a registered champion, and the record of the choice for the pipeline."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from newstance import tracking
from newstance.champion.choose import Candidate, Decision, candidates, decide, experiments
from newstance.files import read_json, write_json
from newstance.settings import REPORTS, Settings
from newstance.tracking import registry
from newstance.tracking.registry import Registered

log = logging.getLogger(__name__)
RECORD = REPORTS / "champion.json"


@dataclass(frozen=True)
class Plan:
    """What is to happen to a task's champion.

    Attributes
    ----------
    task
        The task.
    candidates
        Its finished experiments, best on validation first.
    missing
        Those that have not run here.
    incumbent
        The champion so far.
    decision
        Whether the best candidate takes its place.
    """

    task: str
    candidates: list[Candidate]
    missing: list[str]
    incumbent: Registered | None
    decision: Decision

    @property
    def chosen(self) -> Candidate:
        """The best candidate."""
        return self.candidates[0]

    @property
    def refused(self) -> bool:
        """Whether the incumbent, which is another run, keeps the alias."""
        old = self.incumbent.provenance if self.incumbent else None
        return not self.decision.register and (old is None or old.run_id != self.chosen.identity.id)

    def conclusion(self, *, planned: bool) -> str:
        """Say what becomes of the best candidate, or would, and why."""
        register = self.decision.register
        verb = ("would be" if register else "would not be") if planned else ("is" if register else "is not")
        return f"{self.chosen.name}, seed {self.chosen.seed}, {verb} registered as champion. {self.decision.reason}"

    def describe(self) -> str:
        """Lay out the candidates, the incumbent and what would be done, for a person."""
        width = max(len(one.name) for one in self.candidates)
        rows = [
            f"{rank:>4}  {one.name:<{width}}  {one.macro_f1:.6f}  {one.seed:>4}"
            for rank, one in enumerate(self.candidates, start=1)
        ]
        old = self.incumbent
        run = f"{old.provenance.experiment}, seed {old.provenance.seed}, " if old and old.provenance else ""
        champion = f"{run}version {old.version} of {old.name}" if old else "none"
        lines = [self.task, f"rank  {'experiment':<{width}}  macro-F1  seed", *rows]
        lines += [f"Without {', '.join(self.missing)}: not run here."] if self.missing else []
        return "\n".join([*lines, f"Champion: {champion}.", self.conclusion(planned=True)])


def make_plan(task: str, settings: Settings, *, force: bool = False) -> Plan:
    """Compare a task's finished experiments and look at the registry; writes nothing.

    Raises
    ------
    NewstanceError
        When there is no candidate, mlflow isn't installed, or the store fails.
    """
    found, incumbent, away = candidates(task, settings), registry.champion(task), registry.rolled_back(task)
    missing = [name for name in experiments(task, settings) if not settings.run_folder(name).is_dir()]
    return Plan(task, found, missing, incumbent, decide(found[0], incumbent, away, force=force))


def register_champions(
    tasks: Sequence[str], settings: Settings, *, force: bool = False, record: Path = RECORD
) -> list[Plan]:
    """Register the champions of some tasks and write the record of the choice.

    The record says what validation chose, whatever the registry held before: it depends on the run folders alone.
    So a candidate that does not replace the incumbent is converted and verified too.

    Parameters
    ----------
    tasks
        What to choose champions for; of other tasks an existing record keeps its part.
    settings
        The pipeline's settings.
    force
        Whether the best candidate replaces an incumbent that is better or can't be compared.
    record
        A JSON file by task: experiment, seed, run id, validation score, candidates, verification.

    Returns
    -------
    list of Plan
        One a task, and carried out.

    Raises
    ------
    NewstanceError
        When a task has no candidate, a bundle is refused, mlflow isn't installed, or the store fails. Nothing is
        registered before all tasks have a candidate.
    """
    plans = [make_plan(task, settings, force=force) for task in tasks]
    known = read_json(record) if record.is_file() else {}
    entries = {task: entry for task, entry in known.items() if task in settings.labels.schemes}
    for plan in plans:
        entry, old = _entry(plan), entries.get(plan.task, {})
        verified = (old.get("run_id"), old.get("seed")) == (entry["run_id"], entry["seed"])
        convert = plan.decision.register or not verified
        verification = _convert(plan, settings) if convert else old["verification"]
        entries[plan.task] = entry | {"verification": verification}
        write_json(record, entries)
        log.log(logging.WARNING if plan.refused else logging.INFO, "%s: %s", plan.task, plan.conclusion(planned=False))
    return plans


def _entry(plan: Plan) -> dict[str, Any]:
    return {
        **plan.chosen.provenance.model_dump(),
        "seed_validation_macro_f1": plan.chosen.seed_macro_f1,
        "candidates": [
            {"experiment": one.name, "run_id": one.identity.id, "validation_macro_f1": one.macro_f1}
            for one in plan.candidates
        ],
    }


def _convert(plan: Plan, settings: Settings) -> dict[str, Any]:
    """Convert and verify the chosen model, and register it where that was decided; return the verification."""
    # Converting needs torch, and the card the report's parts; a plan alone must not wait for them.
    from newstance.champion.card import model_card  # noqa: PLC0415
    from newstance.champion.convert import convert  # noqa: PLC0415
    from newstance.champion.verify import verify  # noqa: PLC0415

    chosen = plan.chosen
    folder, seed = chosen.run.folder, chosen.seed
    with tempfile.TemporaryDirectory() as room:
        bundle = Path(room) / "bundle"
        convert(folder, seed, settings, bundle)
        verification = verify(bundle, folder, seed)
        if plan.decision.register:
            run = tracking.track(folder)
            card = model_card(chosen, verification, run.run_id, settings)
            made = registry.register(folder, seed, bundle, card, chosen.provenance, plan.incumbent)
            log.debug("%s is version %s of %s", chosen.name, made.version, made.name)
    values: dict[str, Any] = verification.model_dump(mode="json")
    return values
