"""What happens at the labelling page, without HTTP: articles are handed out, choices are kept and taken back."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from newstance.bundle.answers import Article
from newstance.bundle.targets import TargetProposer
from newstance.errors import NewstanceError
from newstance.labelling.champion import Champion
from newstance.labelling.decisions import STEP, Agreement, Decision, Decisions, Pass
from newstance.labelling.queue import Queue
from newstance.labelling.rounds import Round, Unit
from newstance.labelling.schemas import (
    About,
    Choice,
    DeskOut,
    ItemOut,
    Opinion,
    Question,
    SavedOut,
    SuggestionOut,
    SuggestionsOut,
    TargetOut,
    Who,
)
from newstance.labels.history import TIME, counting
from newstance.labels.store import LabelStore, check_annotator
from newstance.models.mentions import Aliases
from newstance.scheme import Scheme


@dataclass(frozen=True)
class Undoable:
    """A choice as it was before it was changed.

    Attributes
    ----------
    before
        None: there was none.
    written
        The label and the second one that it was changed to.
    new
        Whether it was one that a list needs not ask for anew.
    """

    article_id: str
    target: str
    before: Decision | None
    written: tuple[str, str]
    new: bool


class Desk:
    """A task's articles and labels, for several annotators at a time.

    Parameters
    ----------
    scheme
        The task.
    articles
        Columns `article_id`, `title`, `subtitle` and `text`.
    queue
        Which of them, and in which order.
    directory
        The folder of the annotation file.
    reference
        The annotator whose labels come from adjudication, and from nowhere else.
    champion, aliases
        What suggests labels and proposes targets, and further names by target.
    """

    def __init__(
        self,
        scheme: Scheme,
        articles: pd.DataFrame,
        queue: Queue,
        directory: Path,
        reference: str,
        champion: Champion,
        aliases: Aliases,
    ) -> None:
        self.scheme, self._queue, self._reference = scheme, queue, reference
        self._champion, self._aliases = champion, aliases
        texts = articles[["article_id", "title", "subtitle", "text"]].fillna("")
        self._articles: dict[str, dict[Hashable, str]] = {row["article_id"]: row for row in texts.to_dict("records")}
        self._store = LabelStore(scheme, directory)
        self._lock = threading.RLock()
        self._known: tuple[tuple[int, int], Decisions] | None = None
        self._proposer: TargetProposer | None = None
        self._in_hand: dict[str, str] = {}  # by annotator, so that two don't get the same article
        self._put_off: defaultdict[tuple[str, Pass], dict[str, None]] = defaultdict(dict)
        self._undoable: defaultdict[tuple[str, Pass], list[Undoable]] = defaultdict(list)
        self._here: defaultdict[str, dict[Unit, bool]] = defaultdict(dict)
        self._shown: dict[tuple[str, str, int], Agreement] = {}

    def next(self, who: Who) -> DeskOut:
        """Hand out the next article."""
        with self._lock:
            return self._desk(who, self._first(who))

    def put_off(self, about: About) -> DeskOut:
        """Move an article behind all others, and hand out the next."""
        with self._lock:
            self._require(about)
            put_off = self._put_off[self._name(about), about.way]
            put_off.pop(about.article_id, None)
            put_off[about.article_id] = None
            return self.next(about)

    def decide(self, choice: Choice) -> SavedOut:
        """Keep a choice; the same choice again changes nothing.

        Raises
        ------
        NewstanceError
            When the article or label is unknown, or the target is missing or superfluous; nothing is kept.
        """
        with self._lock:
            annotator, target = self._name(choice), self._target(choice)
            unit = (choice.article_id, target)
            own = self._round(choice).own(*unit)
            if own is None or (own.label, own.second) != (choice.label, choice.second):
                before = self._decisions().own(*unit, annotator)
                row = self._write(*unit, annotator, choice.label, choice.second)
                written = (choice.label, choice.second)
                self._undoable[annotator, choice.way].append(Undoable(*unit, before, written, new=own is not None))
                self._here[annotator][unit] = True
                own = Decision(choice.label, choice.second, row[TIME])
            # A reason may tell what a model or others say.
            reason = "" if choice.way is Pass.BLIND else self._queue.reason(*unit)
            return SavedOut(label=own.label, second=own.second, labelled_at=own.labelled_at, reason=reason)

    def undo(self, who: Who) -> DeskOut:
        """Take the annotator's last choice back, as a row more, and hand its article out again."""
        with self._lock:
            annotator = self._name(who)
            undoable = self._undoable[annotator, who.way]
            if not undoable:
                raise NewstanceError("There is nothing to undo: no choice was made since the page was started.")
            last = undoable[-1]
            now = self._decisions().own(last.article_id, last.target, annotator)
            if now is None or (now.label, now.second) != last.written:
                undoable.pop()
                raise NewstanceError("The last choice was changed elsewhere since, so there it must be undone.")
            before = last.before or Decision("", "", "")
            self._write(last.article_id, last.target, annotator, before.label, before.second)
            undoable.pop()
            self._here[annotator][last.article_id, last.target] = last.new
            return self._desk(who, last.article_id, keep=last.target)

    def suggest(self, question: Question) -> SuggestionsOut:
        """Ask the champion about units of an article.

        Raises
        ------
        NewstanceError
            When the annotator has not chosen yet and the suggestion was not asked for: it must not anchor the choice.
            In a blind pass always: the champion learnt from the first labels.
        """
        with self._lock:
            now = self._round(question)
            self._require(question)
            targets = question.targets if self.scheme.has_targets else [""]
            own = [now.own(question.article_id, target) for target in targets]
        if question.way is Pass.BLIND:
            raise NewstanceError("In a blind pass there are no suggestions: they would tell of the first labels.")
        if not self._champion.knows(self.scheme.name):
            raise NewstanceError("There is no champion for this task; make one with newstance champion and export.")
        if None in own and not question.asked:
            raise NewstanceError("Choose first, or ask for the suggestion; it must not decide for you.")
        answer = self._champion.answer(self._article(question.article_id, targets))
        if answer.abstain:
            return SuggestionsOut(suggestions=[], abstains=answer.abstain.detail)
        name = self.scheme.name
        if self.scheme.has_targets:
            found = [(one.target, one.labels[name], one.mentioned) for one in answer.targets]
        else:
            found = [("", answer.labels[name], True)]
        suggestions = [
            SuggestionOut(
                target=target,
                label=decision.label,
                name=decision.name,
                probability=decision.probability,
                mentioned=mentioned,
            )
            for target, decision, mentioned in found
        ]
        return SuggestionsOut(suggestions=suggestions, abstains="")

    def _desk(self, who: Who, article_id: str | None, *, keep: str | None = None) -> DeskOut:
        annotator = self._name(who)
        now = self._round(who)
        waiting = now.waiting()
        put_off = self._put_off[annotator, who.way]
        if article_id is None:
            self._in_hand.pop(annotator, None)
        else:
            self._in_hand[annotator] = article_id
        return DeskOut(
            item=None if article_id is None else self._item(article_id, who.way, now, keep),
            labelled=now.done(),
            waiting=len(waiting),
            skipped=sum(one in put_off for one in waiting),
            agreement=self._agreement(annotator, who.way),
            can_undo=bool(self._undoable[annotator, who.way]),
        )

    def _round(self, who: Who) -> Round:
        annotator = self._name(who)
        return Round(self._queue, self._decisions(), annotator, who.way, self._here[annotator])

    def _agreement(self, annotator: str, way: Pass) -> list[Agreement]:
        """Return the agreement to show; where others labelled the articles at hand, in steps."""
        in_steps = way is Pass.BLIND or (way is Pass.LABEL and self._queue.listed)
        found = self._decisions().agreement(annotator, in_steps=in_steps)
        if not in_steps:
            return found
        # The first answer stays, so that a label changed thereafter doesn't change it.
        return [self._shown.setdefault((annotator, one.annotator, one.units // STEP), one) for one in found]

    def _first(self, who: Who) -> str | None:
        annotator = self._name(who)
        taken = {article for name, article in self._in_hand.items() if name != annotator and who.way is Pass.LABEL}
        put_off = self._put_off[annotator, who.way]
        free = [one for one in self._round(who).waiting() if one not in taken]
        fresh = [one for one in free if one not in put_off]
        return next(iter(fresh or sorted(free, key=list(put_off).index)), None)

    def _item(self, article_id: str, way: Pass, now: Round, keep: str | None) -> ItemOut:
        row, targets = self._articles[article_id], self._targets(article_id, way, now, keep)
        return ItemOut(
            article_id=article_id,
            title=row["title"],
            subtitle=row["subtitle"],
            text=row["text"],
            place=self._queue.place(article_id),
            units=[self._unit(article_id, target, way, now) for target in targets],
        )

    def _unit(self, article_id: str, target: str, way: Pass, now: Round) -> TargetOut:
        own = now.own(article_id, target)
        # In a second pass the labels of others never leave this process.
        shown = self._decisions().others(article_id, target) if way is Pass.ADJUDICATE else {}
        return TargetOut(
            target=target,
            label=own.label if own else "",
            second=own.second if own else "",
            required=now.requires(article_id, target),
            others=[Opinion(annotator=name, label=one.label, second=one.second) for name, one in sorted(shown.items())],
        )

    def _targets(self, article_id: str, way: Pass, now: Round, keep: str | None) -> list[str]:
        """Return the targets to ask about: those of the pass, or the own, listed, known and proposed ones."""
        if not self.scheme.has_targets:
            return [""]
        kept = [keep] if keep is not None else []
        asked = now.targets(article_id)
        if way is not Pass.LABEL:
            return list(dict.fromkeys([*kept, *asked]))
        known = list(self._decisions().of(article_id))
        row = self._articles[article_id]
        proposed = [] if asked else self._proposes().propose(row["title"], row["text"])
        return list(dict.fromkeys([*kept, *asked, *known, *proposed]))

    def _proposes(self) -> TargetProposer:
        if self._proposer is None:
            decisions = self._decisions()
            labelled = [
                (row["title"], row["text"], list(decisions.of(article_id)))
                for article_id, row in self._articles.items()
                if decisions.of(article_id)
            ]
            self._proposer = self._champion.proposer(labelled, self._aliases)
        return self._proposer

    def _decisions(self) -> Decisions:
        """Return what counts at present; the file is read again only when it changed."""
        path = self._store.path
        stamp = (path.stat().st_mtime_ns, path.stat().st_size) if path.is_file() else (0, 0)
        if self._known is None or self._known[0] != stamp:
            counted = counting(self._store.history(), self.scheme)
            self._known = (stamp, Decisions(counted, self.scheme, self._reference))
        return self._known[1]

    def _write(self, article_id: str, target: str, annotator: str, label: str, second: str) -> dict[Hashable, str]:
        unit = {"article_id": article_id} | ({"target": target} if self.scheme.has_targets else {})
        row = {**unit, "annotator": annotator, self.scheme.name: label}
        if self.scheme.secondary:
            row[self.scheme.secondary] = second
        elif second:
            raise NewstanceError(f"Scheme '{self.scheme.name}' has no second label.")
        (written,) = self._store.append([row]).to_dict("records")
        return written

    def _name(self, who: Who) -> str:
        name = check_annotator(who.annotator)
        if who.way is Pass.ADJUDICATE and name != self._reference:
            raise NewstanceError(f"Adjudication is done as '{self._reference}', the reference annotator.")
        if who.way is not Pass.ADJUDICATE and name == self._reference:
            raise NewstanceError(f"'{name}' is the reference annotator, whose labels come from the pass adjudicate.")
        return name

    def _target(self, choice: Choice) -> str:
        self._require(choice)
        target = " ".join((choice.target or "").split())
        if bool(target) != self.scheme.has_targets:
            raise NewstanceError(
                "Say which target the label is about." if not target else "This scheme has no targets."
            )
        return target

    def _require(self, about: About) -> None:
        if about.article_id not in self._articles:
            raise NewstanceError(f"There is no article '{about.article_id}'.")

    def _article(self, article_id: str, targets: Sequence[str]) -> Article:
        row = self._articles[article_id]
        return Article(title=row["title"], text=row["text"], targets=[one for one in targets if one])
