"""Speed of `newstance serve` against the stock ways to serve the same champion, and how it bears load.

    python benchmarks/serving.py [--parts compare,single,soak,overload,start] [--out benchmarks/serving.csv]

The defaults are short, to see that everything works (three minutes). The published numbers are those of
`--seconds 20 --rounds 3 --repeats 1000 --soak 10` on a machine that does nothing else. Needs the bundle
(`newstance export`), the registry (`newstance champion`), the champion's run folder and the prepared data. A run
replaces the rows of the parts that it measured. Parts:

- compare: 32 clients, each with one article at a time and none between; topic only (`targets: []`), since the others do
  no more. `newstance` gives the evidence of each answer, as it always does; `newstance, no evidence` is the same server
  without it, which is what MLflow's server computes with the same bundle. `mlflow, before export` serves the champion
  as it was trained and tracked, without the bundle. The pipeline has the champion's fine-tuned transformer alone: it
  does less than the champion, which asks a linear model too, and looks neither for evidence nor for reasons to abstain.
  Every server has its defaults; labels are compared before times are. `speedup` is newstance's articles a second over
  this server's, `p99_ratio` newstance's p99 over this one's. `cpu_ms_an_article` is processor time, which other work on
  the machine hardly changes.
- single: one article of 256 tokens after the other, on one core; over HTTP the client has another core.
- soak: a steady rate (a Poisson process) for some minutes. A ramp finds the capacity: the highest share of the
  throughput with 32 clients at which everything is answered and p99 is below a second; `--load` is the share of that.
  Memory is the server's resident set, growth from the first tenth after a warm-up (a tenth) to the last tenth.
- overload: five times the capacity, half of it before and after. Recovery is how long after the overload requests are
  refused, or their median latency is more than twice what it was before, in steps of half a second; empty where that
  takes longer than twenty seconds.
- start: seconds from the command to the first 200 of /readyz, files in the page cache.

The client runs on the same cores as the server, for all servers alike. No text is sent twice: its number ends it.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import numpy as np
import pandas as pd
import uvloop
from http_load import Client, Outcome, Phase, failures, milliseconds, post, statuses, throughput
from serving_processes import NEWSTANCE, NO_EVIDENCE, STOCK, SUBJECTS, Running, Subject, started
from tokenizers import Tokenizer

from newstance.bundle.answers import Article
from newstance.bundle.bundle import Bundle
from newstance.corpus.prepared import read_prepared
from newstance.experiment.environment import hardware
from newstance.files import write_csv
from newstance.settings import BUNDLE

HERE = Path(__file__).parent
PARTS = ("compare", "single", "soak", "overload", "start")
CLIENTS = 32
ARTICLES = 256
CHECKED = 8
TOKENS = 256
SLOWEST_MS = 1000
OVERLOAD = 5
WINDOW = 0.5
STARTS = 5
Texts = list[tuple[str, str]]


@dataclass
class Results:
    """Rows of the table."""

    rows: list[dict[str, Any]] = field(default_factory=list)

    def add(self, part: str, system: str, **measures: float) -> None:
        for measure, value in measures.items():
            row = {"part": part, "system": system, "measure": measure, "value": value}
            self.rows.append({**row, "hardware": hardware()})
            print(f"{part:<10}{system:<34}{measure:<34}{value:14.2f}", flush=True)

    def write(self, path: Path) -> None:
        """Write them in the place of older rows of the same parts."""
        table = pd.DataFrame(self.rows)
        if path.exists():
            before = pd.read_csv(path)
            table = pd.concat([before[~before["part"].isin(table["part"])], table])
        write_csv(path, table.sort_values("part", key=lambda parts: parts.map(PARTS.index), kind="stable"))


def labelled_articles(bundle: Bundle) -> tuple[Texts, list[str]]:
    """Draw test articles that the bundle labels (an abstention may cost nothing), and return their labels too."""
    table = read_prepared("topic")["test"].sample(ARTICLES, random_state=1)
    texts = list(zip(table["title"], table["text"], strict=True))
    answers = bundle.predict([Article(title, text, []) for title, text in texts], evidence=0)
    kept = [(text, answer) for text, answer in zip(texts, answers, strict=True) if not answer.abstain]
    return [text for text, _ in kept], [answer.labels["topic"].label for _, answer in kept]


def requests(subject: Subject, texts: Texts) -> Callable[[], bytes]:
    """Return what gives one request after the other."""
    endless: Iterator[tuple[int, tuple[str, str]]] = enumerate(itertools.cycle(texts))

    def make() -> bytes:
        number, (title, text) = next(endless)
        return post(subject.path, subject.body(title, f"{text}\nThis is copy {number}."))

    return make


def require_labels(subject: Subject, server: Running, texts: Texts, labels: list[str]) -> None:
    """Check that a server of the bundle answers as the bundle does."""
    for (title, text), label in itertools.islice(zip(texts, labels, strict=True), CHECKED):
        answer = httpx.post(
            f"http://127.0.0.1:{server.port}{subject.path}",
            content=subject.body(title, text),
            headers={"content-type": "application/json"},
            timeout=60,
        )
        answer.raise_for_status()
        if subject.label is not None and subject.label(answer.json()) != label:
            raise SystemExit(f"{subject.name} labels an article otherwise than the bundle; is its champion older?")


async def saturate(server: Running, make: Callable[[], bytes], seconds: float) -> dict[str, float]:
    """Measure with as many clients as are compared, after a warm-up."""
    client = Client(server.port)
    await client.closed_loop(make, CLIENTS, min(seconds, 5))
    cpu_seconds = server.cpu_seconds()
    outcomes = await client.closed_loop(make, CLIENTS, seconds)
    client.close()
    return {
        "articles_a_second": throughput(outcomes),
        "p50_ms": milliseconds(outcomes, 50),
        "p99_ms": milliseconds(outcomes, 99),
        "failed": failures(outcomes),
        "cpu_ms_an_article": (server.cpu_seconds() - cpu_seconds) / len(outcomes) * 1000,
        "seconds_to_ready": server.seconds_to_ready,
    }


def compare(results: Results, texts: Texts, labels: list[str], chosen: argparse.Namespace) -> None:
    measured: dict[str, dict[str, list[float]]] = {subject.name: {} for subject in SUBJECTS}
    for _ in range(chosen.rounds):
        for subject in SUBJECTS:
            with started(subject) as server:
                require_labels(subject, server, texts, labels)
                measures = asyncio.run(saturate(server, requests(subject, texts), chosen.seconds))
            for name, value in measures.items():
                measured[subject.name].setdefault(name, []).append(value)
    middle = {name: {measure: median(values) for measure, values in found.items()} for name, found in measured.items()}
    for subject in SUBJECTS:
        results.add("compare", subject.name, **middle[subject.name])
    for subject in STOCK:
        for ours, suffix in ((NEWSTANCE, ""), (NO_EVIDENCE, "_no_evidence")):
            one, other = middle[ours.name], middle[subject.name]
            speedup = one["articles_a_second"] / other["articles_a_second"]
            p99_ratio = one["p99_ms"] / other["p99_ms"]
            results.add("compare", subject.name, **{f"speedup{suffix}": speedup, f"p99_ratio{suffix}": p99_ratio})


def cut(texts: Texts, tokens: int) -> Texts:
    """Cut articles to so many tokens, special ones counted; shorter ones are left out."""
    tokenizer = Tokenizer.from_file(str(next((BUNDLE / "networks").glob("*/tokenizer.json"))))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    found = []
    for title, text in texts:
        start = len(title) + len(". ")
        offsets = tokenizer.encode(f"{title}. {text}").offsets
        if len(offsets) >= tokens and offsets[tokens - 2][1] > start:
            found.append((title, text[: offsets[tokens - 2][1] - start]))
    return found


def single(results: Results, texts: Texts, chosen: argparse.Namespace) -> None:
    articles = cut(texts, TOKENS)
    first, *others = sorted(os.sched_getaffinity(0))
    program = str(HERE / "serving_subjects.py")
    done = subprocess.run(
        ["taskset", "-c", str(first), sys.executable, program, "predict", str(chosen.repeats)],
        input=json.dumps(articles),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    for evidence, times in json.loads(done.stdout).items():
        p50, p99 = np.percentile(times, [50, 99]) * 1000
        results.add("single", f"Bundle.predict, evidence {evidence}", p50_ms=p50, p99_ms=p99)
    os.sched_setaffinity(0, others or [first])
    for subject in (NEWSTANCE, NO_EVIDENCE):
        with started(subject, core=first) as server:
            outcomes = asyncio.run(ask_one_by_one(server, requests(subject, articles), chosen.repeats))
        p50, p99 = milliseconds(outcomes, 50), milliseconds(outcomes, 99)
        results.add("single", f"{subject.name}, HTTP", p50_ms=p50, p99_ms=p99, failed=failures(outcomes))
    os.sched_setaffinity(0, [first, *others])


async def ask_one_by_one(server: Running, make: Callable[[], bytes], repeats: int) -> list[Outcome]:
    client = Client(server.port)
    clock = asyncio.get_running_loop().time
    outcomes = [await client.ask(make(), clock()) for _ in range(repeats)]
    client.close()
    return outcomes


async def find_capacity(client: Client, make: Callable[[], bytes], seconds: float) -> tuple[float, float]:
    """Return the throughput with many clients, and the highest steady rate."""
    await client.closed_loop(make, CLIENTS, min(seconds, 5))
    most = throughput(await client.closed_loop(make, CLIENTS, seconds))
    capacity = 0.0
    for percent in range(50, 101, 5):
        (outcomes,) = await client.arrivals(make, [Phase(most * percent / 100, seconds)])
        if failures(outcomes) or milliseconds(outcomes, 99) > SLOWEST_MS:
            break
        capacity = most * percent / 100
    if not capacity:
        raise SystemExit("The server doesn't bear half of its throughput as a steady rate; is the machine busy?")
    return most, capacity


async def watch_memory(server: Running, samples: list[float]) -> None:
    while True:
        samples.append(server.memory_mb())
        await asyncio.sleep(1)


def memory_growth(samples: list[float]) -> tuple[float, float]:
    """Return the median of the first tenth after a warm-up of a tenth, and of the last tenth."""
    tenth = max(1, len(samples) // 10)
    return median(samples[tenth : 2 * tenth] or samples), median(samples[-tenth:])


def recovery_seconds(after: list[Outcome], end: float, normal_ms: float) -> float:
    """Return when the first window begins whose requests are all answered, and as fast as usual."""
    last = max(outcome.due for outcome in after) - end
    for number in range(int(last / WINDOW)):
        window = [outcome for outcome in after if number <= (outcome.due - end) / WINDOW < number + 1]
        if window and not failures(window) and milliseconds(window, 50) <= 2 * normal_ms:
            return number * WINDOW
    return float("nan")


async def soak(results: Results, server: Running, make: Callable[[], bytes], chosen: argparse.Namespace) -> None:
    client = Client(server.port)
    most, capacity = await find_capacity(client, make, chosen.seconds)
    samples: list[float] = []
    watch = asyncio.create_task(watch_memory(server, samples))
    (outcomes,) = await client.arrivals(make, [Phase(capacity * chosen.load / 100, chosen.soak * 60)])
    watch.cancel()
    client.close()
    before, after = memory_growth(samples)
    results.add(
        "soak",
        NEWSTANCE.name,
        articles_a_second_with_32_clients=most,
        capacity=capacity,
        minutes=chosen.soak,
        requests=len(outcomes),
        requests_a_second=len(outcomes) / (chosen.soak * 60),
        failed=failures(outcomes),
        p50_ms=milliseconds(outcomes, 50),
        p99_ms=milliseconds(outcomes, 99),
        memory_mb_first=before,
        memory_mb_last=after,
        memory_growth_percent=(after / before - 1) * 100,
    )


async def overload(results: Results, server: Running, make: Callable[[], bytes], chosen: argparse.Namespace) -> None:
    client = Client(server.port)
    _, capacity = await find_capacity(client, make, chosen.seconds)
    usual = Phase(capacity / 2, max(chosen.seconds, 20))
    start = asyncio.get_running_loop().time()
    before, during, after = await client.arrivals(make, [usual, Phase(OVERLOAD * capacity, chosen.seconds), usual])
    client.close()
    counts = statuses(during)
    normal_ms = milliseconds(before, 50)
    results.add(
        "overload",
        NEWSTANCE.name,
        capacity=capacity,
        requests_a_second=len(during) / chosen.seconds,
        seconds=chosen.seconds,
        **{f"status_{status}": count for status, count in sorted(counts.items(), key=str)},
        neither_200_nor_503=len(during) - counts[200] - counts[503],
        articles_a_second=throughput(during),
        p50_ms_before=normal_ms,
        p50_ms=milliseconds(during, 50),
        p99_ms=milliseconds(during, 99),
        recovery_seconds=recovery_seconds(after, start + usual.seconds + chosen.seconds, normal_ms),
    )


def bear_load(
    results: Results, texts: Texts, work: Callable[..., Coroutine[Any, Any, None]], chosen: argparse.Namespace
) -> None:
    with started(NEWSTANCE) as server:
        asyncio.run(work(results, server, requests(NEWSTANCE, texts), chosen))


def start(results: Results) -> None:
    times = []
    for _ in range(STARTS):
        with started(NEWSTANCE) as server:
            times.append(server.seconds_to_ready)
    results.add("start", NEWSTANCE.name, seconds_to_ready=median(times), seconds_to_ready_longest=max(times))


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", default=",".join(PARTS), help="with commas between")
    parser.add_argument("--seconds", type=float, default=5, help="of a measurement, a step of the ramp, the overload")
    parser.add_argument("--rounds", type=int, default=1, help="of the comparison; medians are reported")
    parser.add_argument("--repeats", type=int, default=100, help="of a single article")
    parser.add_argument("--soak", type=float, default=0.2, metavar="MINUTES")
    parser.add_argument("--load", type=float, default=90, metavar="PERCENT", help="of the capacity, in the soak")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".csv"))
    chosen = parser.parse_args()
    chosen.parts = chosen.parts.split(",")
    if unknown := set(chosen.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    return chosen


def main() -> None:
    chosen = options()
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    results = Results()
    texts, labels = labelled_articles(Bundle.load(BUNDLE))
    parts: dict[str, Callable[[], None]] = {
        "compare": lambda: compare(results, texts, labels, chosen),
        "single": lambda: single(results, texts, chosen),
        "soak": lambda: bear_load(results, texts, soak, chosen),
        "overload": lambda: bear_load(results, texts, overload, chosen),
        "start": lambda: start(results),
    }
    for part in chosen.parts:
        parts[part]()
    results.write(chosen.out)


if __name__ == "__main__":
    main()
