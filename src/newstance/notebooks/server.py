"""Notebook 5: a real server (`newstance serve`) for as long as the notebook needs one, and its answers in short."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pandas as pd

from newstance.bundle.answers import Answer, Article
from newstance.errors import NewstanceError
from newstance.serving.lines import MEDIA_TYPES
from newstance.settings import BUNDLE

PATIENCE = 60
MOST_NUMBERS, MOST_ITEMS, MOST_WORDS = 3, 1, 6
WIDE = 84
LINES = {"Content-Type": MEDIA_TYPES[0]}
PLAIN_LOG = {"COLUMNS": "200", "FORCE_COLOR": ""}  # Jupyter asks programs for colours, also where nobody sees them
REQUEST_ID = "from-the-notebook"  # else the server makes one up, another each time
_INNERMOST = re.compile(r"\{[^{}\[\]]*\}")
_ADDRESS = re.compile(r"Serving on (http://\S+)")


@contextmanager
def serve(bundle: Path = BUNDLE, patience: float = PATIENCE) -> Iterator[httpx.Client]:
    """Run ``newstance serve`` in a process of its own, on a free port that only this machine can reach.

    Parameters
    ----------
    bundle
        The folder that it serves.
    patience
        Seconds until it must be ready, and that an answer may take.

    Yields
    ------
    httpx.Client
        A client of the server, which is ready. The server is stopped at the end.

    Raises
    ------
    NewstanceError
        When the server does not start; its last words are in the message.
    """
    command = [sys.executable, "-m", "newstance", "serve", "--port", "0", "--bundle", str(bundle)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ | PLAIN_LOG)  # noqa: S603
    log: list[str] = []
    # Read until the server ends: a full pipe would stop it.
    reader = threading.Thread(target=lambda: log.extend(process.stderr or ()), daemon=True)
    reader.start()
    try:
        address = _wait_for_address(process, log, time.monotonic() + patience)
        headers = {"X-Request-ID": REQUEST_ID}
        with httpx.Client(base_url=address, timeout=patience, headers=headers, trust_env=False) as client:
            _wait_until_ready(client, process, log, time.monotonic() + patience)
            yield client
    finally:
        _stop(process)
        reader.join(timeout=patience)


def _wait_for_address(process: subprocess.Popen[str], log: list[str], latest: float) -> str:
    while True:
        for line in log:
            if found := _ADDRESS.search(line):
                return found[1]
        _check(process, log, latest)


def _wait_until_ready(client: httpx.Client, process: subprocess.Popen[str], log: list[str], latest: float) -> None:
    while client.get("/readyz").is_error:
        _check(process, log, latest)


def _check(process: subprocess.Popen[str], log: list[str], latest: float) -> None:
    """Wait a moment, unless the server has ended or had time enough."""
    if process.poll() is not None or time.monotonic() > latest:
        last = next((line.strip() for line in reversed(log) if line.strip()), "nothing")
        raise NewstanceError(f"The server did not start; the last that it said: {last}")
    time.sleep(0.02)


def _stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def as_request(article: Article) -> dict[str, Any]:
    """Write an article as the API takes it."""
    return {
        "title": article.title,
        "text": article.text,
        "targets": None if article.targets is None else list(article.targets),
    }


def as_lines(requests: Iterable[Any]) -> bytes:
    """Write requests as JSON Lines."""
    return b"".join(json.dumps(request).encode() + b"\n" for request in requests)


def in_short(response: httpx.Response) -> str:
    """Show a response in Markdown: status, media type and JSON, with long parts cut and small ones on one line."""
    content = _INNERMOST.sub(_on_one_line, json.dumps(_abridged(response.json()), indent=2, ensure_ascii=False))
    request = response.request
    head = f"{request.method} {request.url.path} → {response.status_code} {response.headers['content-type']}"
    return f"```\n{head}\n```\n```json\n{content}\n```"


def _abridged(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, str):
        words = value.split(" ")
        return value if len(words) <= MOST_WORDS else " ".join(words[:MOST_WORDS]) + " …"
    if isinstance(value, list):
        more = [f"… {len(value) - MOST_ITEMS} more"] if len(value) > MOST_ITEMS else []
        return [_abridged(one) for one in value[:MOST_ITEMS]] + more
    if isinstance(value, dict):
        most = MOST_NUMBERS if all(isinstance(one, float) for one in value.values()) else len(value)
        kept = {name: _abridged(one) for name, one in list(value.items())[:most]}
        return kept | ({"…": f"{len(value) - len(kept)} more"} if len(value) > len(kept) else {})
    return value


def _on_one_line(found: re.Match[str]) -> str:
    line = re.sub(r"\s*\n\s*", " ", found[0]).replace("{ ", "{").replace(" }", "}")
    return line if len(line) <= WIDE else found[0]


def each_line(response: httpx.Response) -> pd.DataFrame:
    """Say of each line of a stream what was answered; to be shown."""
    rows = []
    for number, line in enumerate(response.text.splitlines(), start=1):
        answer = json.loads(line)
        if "status" in answer:
            faults = [f"{fault['pointer']}: {fault['detail']}" for fault in answer.get("errors") or ()]
            rows.append([str(number), f"problem {answer['status']}: {answer['title']}", "; ".join(faults)])
        elif answer["abstain"]:
            rows.append([str(number), f"abstained: {answer['abstain']['reason']}", answer["abstain"]["detail"]])
        else:
            labels = [f"{one['label']} ({one['probability']:.2f})" for one in answer["labels"].values()]
            rows.append([str(number), "answer", ", ".join(labels)])
    return pd.DataFrame(rows, columns=["line", "what comes back", "label, or what is wrong"])


def compare(response: httpx.Response, answer: Answer) -> str:
    """Say whether the server answers as the bundle does in this process."""
    if Answer.model_validate_json(response.content) == answer:
        return "It is, number for number, the answer that the bundle gave in this notebook."
    return "**It is not the answer that the bundle gave in this notebook**; are both the same bundle?"
