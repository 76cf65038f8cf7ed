"""What Prometheus reads at /metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from newstance.bundle.answers import Answer

if TYPE_CHECKING:
    from newstance.bundle.bundle import Bundle

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128)


class Metrics:
    """The counters of one application, in a registry of their own."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=registry)
        self._requests = Counter("newstance_requests", "Requests.", ("route", "status"), registry=registry)
        self._latency = Histogram(
            "newstance_request_seconds",
            "Time from a request's head to its answer.",
            ("route",),
            buckets=_SECONDS,
            registry=registry,
        )
        self._batch_articles = Histogram(
            "newstance_batch_articles", "Articles computed together.", buckets=_SIZES, registry=registry
        )
        self._batch_seconds = Histogram(
            "newstance_batch_seconds", "Time to compute a batch.", buckets=_SECONDS, registry=registry
        )
        self._queue = Gauge("newstance_queue_articles", "Articles that wait to be computed.", registry=registry)
        self._labels = Counter(
            "newstance_labels",
            "Labels given; a change of their shares is drift.",
            ("scheme", "label"),
            registry=registry,
        )
        self._abstentions = Counter("newstance_abstentions", "Articles not labelled.", ("reason",), registry=registry)
        self._reloads = Counter("newstance_reloads", "Attempts to load a new bundle.", ("outcome",), registry=registry)
        self._bundle = Gauge(
            "newstance_bundle_info", "The bundle that answers.", ("version", "task", "run_id"), registry=registry
        )

    def watch_queue(self, queued: Callable[[], int]) -> None:
        """Let the queue's length be read when it is asked for."""
        self._queue.set_function(queued)

    def request(self, route: str, status: int, seconds: float) -> None:
        """Count a request; `route` is a path of the API, not what the client wrote."""
        self._requests.labels(route, status).inc()
        self._latency.labels(route).observe(seconds)

    def batch(self, articles: int, seconds: float) -> None:
        """Count a computed batch."""
        self._batch_articles.observe(articles)
        self._batch_seconds.observe(seconds)

    def answers(self, answers: Iterable[Answer]) -> None:
        """Count the labels given and the abstentions."""
        for answer in answers:
            if answer.abstain:
                self._abstentions.labels(answer.abstain.reason).inc()
            for decisions in (answer.labels, *(target.labels for target in answer.targets)):
                for scheme, decision in decisions.items():
                    self._labels.labels(scheme, decision.label).inc()

    def loaded(self, bundle: Bundle) -> None:
        """Say which bundle answers now."""
        self._reloads.labels("loaded").inc()
        self._bundle.clear()
        for task, info in bundle.about.tasks.items():
            self._bundle.labels(bundle.version, task, info.run_id).set(1)

    def refused(self) -> None:
        """Count a bundle that could not be used."""
        self._reloads.labels("refused").inc()

    def text(self) -> bytes:
        """Return all of them in Prometheus's text format."""
        return generate_latest(self._registry)
