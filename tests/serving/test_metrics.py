from __future__ import annotations

from fake_bundle import ABOUT, FakeBundle
from http_server import article, running


def test_requests_labels_abstentions_batches_and_the_bundle_are_counted() -> None:
    bundle = FakeBundle()
    with running(lambda: bundle) as server, server.client() as client:
        client.post("/v1/predict", json=[article(targets=["a", "b"]), article("short")])
        client.post("/v1/predict", json={})
        client.get("/v1/some/guess")
        client.get("/static/some-guess.js")
        response = client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=")
    found = set(response.text.splitlines())
    assert {
        'newstance_requests_total{route="/v1/predict",status="200"} 1.0',
        'newstance_requests_total{route="/v1/predict",status="422"} 1.0',
        'newstance_requests_total{route="other",status="404"} 1.0',
        'newstance_requests_total{route="/static",status="404"} 1.0',
        'newstance_request_seconds_count{route="/v1/predict"} 2.0',
        'newstance_labels_total{label="politics",scheme="topic"} 1.0',
        'newstance_labels_total{label="neutral",scheme="stance"} 2.0',
        'newstance_abstentions_total{reason="too-short"} 1.0',
        "newstance_batch_articles_sum 2.0",
        "newstance_batch_articles_count 1.0",
        "newstance_batch_seconds_count 1.0",
        "newstance_queue_articles 0.0",
        'newstance_reloads_total{outcome="loaded"} 1.0',
        f'newstance_bundle_info{{run_id="{ABOUT.tasks["topic"].run_id}",task="topic",version="{bundle.version}"}} 1.0',
    } <= found
    assert any(line.startswith("process_resident_memory_bytes ") for line in found)


def test_what_clients_write_does_not_become_a_label() -> None:
    with running(FakeBundle) as server, server.client() as client:
        for number in range(20):
            client.get(f"/guess/{number}")
            client.get(f"/static/guess{number}")
        assert "guess" not in client.get("/metrics").text
