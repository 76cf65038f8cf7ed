import json

import httpx
import pytest

from newstance.bundle.answers import Abstention, Answer, Article
from newstance.errors import NewstanceError
from newstance.notebooks import server
from newstance.notebooks.server import as_lines, as_request, compare, each_line, in_short, serve


def response(content, status=200, media_type="application/json", path="/v1/predict") -> httpx.Response:
    request = httpx.Request("POST", f"http://127.0.0.1{path}")
    return httpx.Response(status, content=content, headers={"content-type": media_type}, request=request)


def shown(value) -> str:
    return in_short(response(json.dumps(value)))


def test_a_server_runs_as_long_as_it_is_needed_even_where_programs_are_asked_for_colours(tiny_bundles, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "20")
    with serve(tiny_bundles.single["view"]) as client:
        assert client.base_url.host == "127.0.0.1"
        broken = client.post("/v1/predict", json={"title": "No text"})
        stream = client.post("/v1/predict/batch", content=as_lines([{"text": "Too short."}] * 2), headers=server.LINES)
    assert broken.json()["request_id"] == server.REQUEST_ID
    assert each_line(stream)["what comes back"].tolist() == ["abstained: too-short"] * 2
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{client.base_url}/livez")


def test_the_server_is_stopped_when_the_notebook_fails(tiny_bundles):
    with pytest.raises(ZeroDivisionError), serve(tiny_bundles.single["view"]) as client:
        raise ZeroDivisionError
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{client.base_url}/livez")


def test_a_server_that_does_not_start_says_why(tmp_path):
    with pytest.raises(NewstanceError, match=r"did not start.*There is no bundle"), serve(tmp_path):
        pass


def test_a_request_says_whether_targets_are_to_be_proposed():
    assert as_request(Article("A", "B", ("Russia",))) == {"title": "A", "text": "B", "targets": ["Russia"]}
    assert as_request(Article("A", "B"))["targets"] is None


def test_a_response_is_shown_with_status_and_media_type():
    text = in_short(response('{"status": 422}', 422, "application/problem+json"))
    assert "POST /v1/predict → 422 application/problem+json" in text
    assert text.count("```") == 4


def test_long_parts_of_a_response_are_cut_and_counted():
    text = shown({"text": "one two three four five six seven", "items": [1, 2, 3]})
    assert '"one two three four five six …"' in text
    assert "seven" not in text
    assert '"… 2 more"' in text


def test_of_many_numbers_the_first_are_shown_rounded():
    text = shown({"numbers": dict.fromkeys("abcde", 0.123456)})
    assert '{"a": 0.123, "b": 0.123, "c": 0.123, "…": "2 more"}' in text


def test_a_small_object_stands_on_one_line_and_a_large_one_does_not():
    assert '"small": {"label": "sport", "name": "sport"}' in shown({"small": {"label": "sport", "name": "sport"}})
    large = {f"a rather long name {number}": "a rather long value" for number in range(5)}
    assert '"large": {\n' in shown({"large": large})


def test_each_line_of_a_stream_is_an_answer_an_abstention_or_a_problem():
    answer = {"labels": {"topic": {"label": "sport", "probability": 0.876}}, "targets": [], "abstain": None}
    refused = {"labels": {}, "targets": [], "abstain": {"reason": "too-short", "detail": "Two words."}}
    problem = {"status": 422, "title": "Invalid article", "errors": [{"pointer": "#/text", "detail": "Field required"}]}
    lines = "\n".join(map(json.dumps, (answer, refused, problem)))
    assert each_line(response(lines)).to_numpy().tolist() == [
        ["1", "answer", "sport (0.88)"],
        ["2", "abstained: too-short", "Two words."],
        ["3", "problem 422: Invalid article", "#/text: Field required"],
    ]


def test_answers_of_server_and_notebook_are_compared_number_for_number():
    answer = Answer(labels={}, targets=[], abstain=Abstention(reason="too-short", detail="Two."), version="1")
    assert "number for number" in compare(response(answer.model_dump_json()), answer)
    other = answer.model_copy(update={"version": "2"})
    assert "not the answer" in compare(response(other.model_dump_json()), answer)
