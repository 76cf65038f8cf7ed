from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from http_server import PATIENCE, Process, article, send_piece, unfinished_post, wait_until
from newstance.errors import NewstanceError
from newstance.serving.keys import Keys, make_key
from newstance.serving.server import run, serve
from newstance.serving.settings import ServingSettings

Starter = Callable[..., Process]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Starter]:
    """Start servers that end with the test."""
    started: list[Process] = []

    def begin(*arguments: object, **settings: object) -> Process:
        started.append(Process.start(tmp_path, *arguments, **settings))  # type: ignore[arg-type]
        return started[-1]

    yield begin
    for process in started:
        process.process.kill()
        process.process.wait()


def refused(settings: ServingSettings) -> str:
    """Return the sentence with which the server doesn't start."""
    with pytest.raises(NewstanceError) as error:
        run(settings, lambda: pytest.fail("nothing must be loaded"))
    return str(error.value)


def test_a_port_in_use_is_one_clear_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert refused(ServingSettings(port=port)) == f"Port {port} of 127.0.0.1 is in use; choose another with --port."


def test_an_address_of_another_machine_is_one_clear_sentence() -> None:
    assert "Can't listen on 192.0.2.1" in refused(ServingSettings(host="192.0.2.1", insecure=True))
    assert "is not known" in refused(ServingSettings(host="no-such-host.invalid"))


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_a_public_address_is_not_served_without_keys(
    host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NEWSTANCE_API_KEYS", raising=False)
    assert "there are no API keys" in refused(ServingSettings(host=host))
    # Admin keys protect nothing but reloading.
    (tmp_path / "keys").write_text(make_key("ada")[1])
    assert "there are no API keys" in refused(ServingSettings(host=host, admin_keys=tmp_path / "keys"))


@pytest.mark.parametrize("allowed", ["keys", "variable", "insecure"])
def test_a_public_address_is_served_with_keys_or_on_demand(
    start: Starter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, allowed: str
) -> None:
    (tmp_path / "keys").write_text(make_key("ada")[1])
    if allowed == "variable":
        monkeypatch.setenv("NEWSTANCE_API_KEYS", "k" * 20)
    options = {"keys": {"keys": tmp_path / "keys"}, "insecure": {"insecure": True}}.get(allowed, {})
    process = start(host="0.0.0.0", **options)
    status = httpx.post(f"{process.url}/v1/predict", json=article()).status_code
    assert status == (200 if allowed == "insecure" else 401)


def test_a_folder_without_a_bundle_is_one_clear_sentence(tmp_path: Path) -> None:
    with pytest.raises(NewstanceError, match="newstance export"):
        serve(ServingSettings(bundle=tmp_path, port=0))


def test_a_bundle_that_can_not_be_loaded_ends_the_server_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "bundle.json").write_text(json.dumps({"damaged": True}))
    program = Path(__file__).parents[1] / "http_server.py"
    done = subprocess.run(
        [sys.executable, program, tmp_path / "bundle.json", '{"port": 0}'],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode != 0
    assert "A file of the bundle was changed." in done.stderr
    assert "Traceback" not in done.stderr


def test_sigterm_answers_what_is_in_flight_and_ends_in_order(start: Starter) -> None:
    process = start({"seconds": 0.3})
    answers: list[int] = []
    asking = threading.Thread(
        target=lambda: answers.append(httpx.post(f"{process.url}/v1/predict", json=[article()] * 3).status_code)
    )
    asking.start()
    time.sleep(0.3)
    assert process.stop() == 0
    asking.join()
    assert answers == [200]


def test_before_it_stops_the_server_says_so_and_still_answers(start: Starter) -> None:
    process = start(drain_seconds=2)
    process.process.terminate()
    wait_until(lambda: httpx.get(f"{process.url}/readyz").status_code == 503, seconds=1.5)
    assert httpx.post(f"{process.url}/v1/predict", json=article()).status_code == 200
    assert process.process.wait(timeout=PATIENCE) == 0


def test_a_second_signal_does_not_wait(start: Starter) -> None:
    process = start(drain_seconds=60)
    process.process.terminate()
    wait_until(lambda: httpx.get(f"{process.url}/readyz").status_code == 503)
    started = time.monotonic()
    assert process.stop() == 0
    assert time.monotonic() - started < 5


def test_ctrl_c_does_not_wait_for_balancers_but_for_answers(start: Starter) -> None:
    process = start({"seconds": 0.3}, drain_seconds=60)
    answers: list[int] = []
    asking = threading.Thread(
        target=lambda: answers.append(httpx.post(f"{process.url}/v1/predict", json=[article()] * 3).status_code)
    )
    asking.start()
    time.sleep(0.3)
    started = time.monotonic()
    process.process.send_signal(signal.SIGINT)
    assert process.process.wait(timeout=PATIENCE) == 0
    assert time.monotonic() - started < 5
    asking.join()
    assert answers == [200]
    assert not any("Traceback" in line for line in process.log)


def test_a_stream_that_never_ends_does_not_keep_the_server_from_stopping(start: Starter) -> None:
    process = start(shutdown_seconds=1)
    stream = unfinished_post(process.port, "/v1/predict/batch", "application/x-ndjson")
    send_piece(stream, b'{"text": "two words"}\n')
    stream.getresponse().readline()
    assert process.stop() == 0
    assert not any("Traceback" in line for line in process.log)


def test_killed_and_started_again_it_answers_on_the_same_port(start: Starter) -> None:
    process = start()
    stream = unfinished_post(process.port, "/v1/predict/batch", "application/x-ndjson")
    send_piece(stream, b'{"text": "two words"}\n')
    process.process.send_signal(signal.SIGKILL)
    process.process.wait()
    again = start(port=process.port)
    assert httpx.post(f"{again.url}/v1/predict", json=article()).status_code == 200


def test_sighup_swaps_the_bundle_and_the_keys(start: Starter, tmp_path: Path) -> None:
    (old, old_line), (new, new_line) = make_key("old"), make_key("new")
    (tmp_path / "keys").write_text(old_line)
    process = start({"version": "before"}, keys=tmp_path / "keys")

    def version(key: str) -> object:
        return httpx.get(f"{process.url}/v1/models", headers={"x-api-key": key}).json().get("version")

    assert (version(old), version(new)) == ("before", None)
    (tmp_path / "keys").write_text(new_line)
    (tmp_path / "bundle.json").write_text(json.dumps({"version": "after"}))
    process.process.send_signal(signal.SIGHUP)
    wait_until(lambda: version(new) == "after")
    assert version(old) is None


def test_after_sighup_with_a_damaged_bundle_the_old_one_answers_and_the_log_says_why(
    start: Starter, tmp_path: Path
) -> None:
    process = start({"version": "before"})
    (tmp_path / "bundle.json").write_text(json.dumps({"damaged": True}))
    process.process.send_signal(signal.SIGHUP)
    wait_until(
        lambda: any("The old bundle before stays: A file of the bundle was changed." in line for line in process.log)
    )
    assert httpx.get(f"{process.url}/v1/models").json()["version"] == "before"


def ask_everything(process: Process, key: str) -> None:
    """Send secrets in every way there is."""
    headers = {"x-api-key": key}
    for body in (
        {"text": "secret words"},
        {"text": "poison secret"},
        {"secret": 1},
        {"text": "a b", "targets": ["secret"]},
    ):
        httpx.post(f"{process.url}/v1/predict", json=body, headers=headers)
        httpx.post(
            f"{process.url}/v1/predict/batch",
            content=json.dumps(body).encode(),
            headers=headers | {"content-type": "application/x-ndjson"},
        )
    httpx.get(f"{process.url}/secret?secret=secret", headers=headers)
    httpx.post(
        f"{process.url}/v1/predict", content=b'{"text": "secret', headers=headers | {"content-type": "application/json"}
    )


def test_no_article_and_no_key_is_logged(start: Starter, tmp_path: Path) -> None:
    key, line = make_key("ada")
    (tmp_path / "keys").write_text(line)
    process = start(keys=tmp_path / "keys")
    ask_everything(process, key)
    process.stop()
    log = "\n".join(process.log)
    assert "secret" not in log
    assert key not in log
    (entry,) = (entry for entry in process.entries() if entry["event"] == "request" and entry["status"] == 500)
    (error,) = (
        found for found in process.entries() if found.get("request_id") == entry["request_id"] and "places" in found
    )
    assert error["error"] == "ValueError"
    assert any("fake_bundle.py" in place for place in error["places"])


def test_articles_are_logged_when_that_is_asked_for(start: Starter) -> None:
    process = start(log_articles=True)
    httpx.post(f"{process.url}/v1/predict", json=article("wanted words"))
    process.stop()
    assert [entry["texts"] for entry in process.entries() if "texts" in entry] == [
        [{"title": "", "text": "wanted words"}]
    ]


def test_every_request_is_a_line_of_json(start: Starter) -> None:
    process = start()
    given = {"x-request-id": "mine"}
    httpx.post(f"{process.url}/v1/predict", json=[article()] * 3, headers=given)
    httpx.get(f"{process.url}/v1/nothing", headers=given)
    wait_until(lambda: sum(entry["request_id"] == "mine" for entry in process.entries()) == 2)
    predicted, unknown = (entry for entry in process.entries() if entry["request_id"] == "mine")
    assert (predicted["route"], predicted["status"], predicted["articles"]) == ("/v1/predict", 200, 3)
    assert predicted["ms"] > 0
    assert predicted["client"] == "127.0.0.1"
    assert (unknown["route"], unknown["status"]) == ("other", 404)


def test_a_client_that_went_away_is_logged_as_such(start: Starter) -> None:
    process = start({"seconds": 0.3})
    with contextlib.suppress(httpx.ReadTimeout):
        httpx.post(f"{process.url}/v1/predict", json=[article()] * 20, timeout=0.1)
    wait_until(lambda: any(entry.get("status") == 499 for entry in process.entries()))


@pytest.mark.parametrize(
    ("options", "reason"),
    [(("--host", "0.0.0.0", "--port", "0"), "there are no API keys"), (("--port",), "is in use")],
)
def test_the_command_says_in_one_sentence_why_it_does_not_serve(
    tmp_path: Path, options: tuple[str, ...], reason: str
) -> None:
    (tmp_path / "manifest.json").write_text("{}")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = [str(taken.getsockname()[1])] if options == ("--port",) else []
        done = subprocess.run(
            [sys.executable, "-m", "newstance", "serve", "--bundle", tmp_path, *options, *port],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={name: value for name, value in os.environ.items() if name != "NEWSTANCE_API_KEYS"},
        )
    assert (done.returncode, done.stdout) == (2, "")
    assert reason in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_the_command_makes_keys_and_refuses_what_can_not_be_served(tmp_path: Path) -> None:
    def newstance(*arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "newstance", *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd=tmp_path,
            env=os.environ | {"COLUMNS": "200"},
        )

    made = newstance("key", "ada")
    assert made.returncode == 0
    key = made.stderr.rpartition(" ")[2].strip()
    (tmp_path / "keys").write_text(made.stdout)
    assert Keys(tmp_path / "keys", "NO_SUCH_VARIABLE").owner(key) == "ada"
    done = newstance("serve", "--bundle", tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.strip() == f"Error: There is no bundle in {tmp_path}; make one with `newstance export`."
