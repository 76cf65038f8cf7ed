"""What a pass asks an annotator for, and what of it is done."""

from __future__ import annotations

from collections.abc import Mapping

from newstance.labelling.decisions import Decision, Decisions, Pass
from newstance.labelling.queue import Queue

Unit = tuple[str, str]  # an article's number, and a target ("" where the scheme has none)


class Round:
    """An annotator's pass over the queue, as things stand.

    A list may hold units that the annotator decided before, as suspects are. The label pass asks for them anew, and
    hides the old decision until there is one since the list was written.

    Parameters
    ----------
    queue
        The articles in order.
    decisions
        What counts at present.
    annotator, way
        Who reads, and why.
    here
        By unit whether its decision is a new one, for what the annotator did since the page was started.
    """

    def __init__(
        self, queue: Queue, decisions: Decisions, annotator: str, way: Pass, here: Mapping[Unit, bool]
    ) -> None:
        self._queue, self._decisions, self._annotator, self._way, self._here = queue, decisions, annotator, way, here
        self._anew = queue.listed and way is Pass.LABEL
        # Targets that the list names count where the scheme has targets.
        self._named = queue.targets if self._anew and decisions.has_targets else {}

    def own(self, article_id: str, target: str) -> Decision | None:
        """Return what the annotator decided about a unit; None, too, where the list asks for it anew."""
        own = self._decisions.own(article_id, target, self._annotator)
        if own is None or not self._anew or target not in self._named.get(article_id, [target]):
            return own
        # Times have seconds only, so what was decided in this process is not left to them.
        new = self._here.get((article_id, target), own.labelled_at > self._queue.written)
        return own if new else None

    def requires(self, article_id: str, target: str) -> bool:
        """Whether the article stays open until the annotator decides about this target of it."""
        return self._way is not Pass.LABEL or target in self._named.get(article_id, [])

    def targets(self, article_id: str) -> list[str]:
        """Return the targets that are asked about whatever the text proposes."""
        if self._way is Pass.LABEL:
            return list(self._named.get(article_id, []))
        return self._decisions.open_targets(article_id, self._annotator, self._way)

    def waiting(self) -> list[str]:
        """Return the articles that the pass asks for, in order.

        First labels: what nobody decided; of a list, what the annotator has not decided since it was written, every
        target that it names. Second pass: what others decided and the annotator didn't. Adjudication: what two decided
        and the reference didn't, disagreements first.
        """
        if self._way is Pass.LABEL:
            return [one for one in self._queue.order if self._is_open(one)]
        found = [one for one in self._queue.order if self.targets(one)]
        if self._way is Pass.ADJUDICATE:
            found.sort(key=lambda one: not self._decisions.disputed(one, self._annotator))
        return found

    def _is_open(self, article_id: str) -> bool:
        if not self._anew:
            return not self._decisions.of(article_id)
        named = self._named.get(article_id)
        if named:
            return any(self.own(article_id, target) is None for target in named)
        return all(self.own(article_id, target) is None for target in self._decisions.of(article_id))

    def done(self) -> int:
        """Count the articles that the pass asked the annotator for, and no longer does."""
        waiting = set(self.waiting())
        return sum(one not in waiting and self._did(one) for one in self._queue.order)

    def _did(self, article_id: str) -> bool:
        """Whether the annotator decided about a unit as this pass has it: first, after others, or settling."""
        for target in self._decisions.of(article_id):
            if self.own(article_id, target) is None:
                continue
            others = list(self._decisions.others(article_id, target))
            if self._way is Pass.ADJUDICATE:
                did = len(others) > 1
            else:
                did = self._anew or (others[0] == self._annotator) == (self._way is Pass.LABEL)
            if did:
                return True
        return False
