"""Rerankings and moderations: who serves them, what is inspected, what fails over, and what is kept of them."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.pipeline.lab import Lab, laboratory, to
from tests.support.errors import is_error
from tests.support.ranked import COHERE, MODERATED, VOYAGE, told
from tests.support.reply import Reply, error, whole
from tests.support.wire import Answer, ask, request

NARROW_KEY = "canary-narrow-virtual-key"
EMAIL = "jane.doe+tw@example.com"
ASKED = {"query": "capital", "documents": ["Oslo", "Rome"]}
PII = {"type": "pii", "on": "input", "on_failure": "closed"}


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Started once for this file."""
    routes: dict[str, dict[str, object]] = {
        "cohere": to("a", "rerank-v3.5"),
        "voyage": to("b", "rerank-2.5"),
        "plain": to("c", "jina-reranker-v3"),
        "both": {"strategy": "fallback", "targets": [to("a", "rerank-v3.5"), to("b", "rerank-2.5")]},
        "anthropic": to("other", "claude"),
        "masked": {**to("c", "r"), "guardrails": [{**PII, "action": "mask"}]},
        "masked-cohere": {**to("a", "r"), "guardrails": [{**PII, "action": "mask"}]},
        "refused": {**to("c", "r"), "guardrails": [{**PII, "action": "reject"}]},
        "strict": {**to("b", "r"), "on_lossy": "reject"},
    }
    price = {"input_per_mtok": 0, "output_per_mtok": 0, "per_search_unit": 0.002}
    providers: dict[str, dict[str, object]] = {
        "a": {"type": "cohere", "prices": {"rerank-v3.5": price}},
        "b": {"type": "voyage", "prices": {"rerank-2.5": {"input_per_mtok": 0.05, "output_per_mtok": 0}}},
        "other": {"at": "c", "type": "anthropic"},
    }
    tables = {
        "keys": {"narrow": {"secret": NARROW_KEY, "models": ["voyage"]}},
        "resilience": {"breaker": {"consecutive": 0, "min_requests": 100_000}},
    }
    with laboratory(tmp_path_factory.mktemp("rerank"), routes, providers, **tables) as lab:
        yield lab


def rank(lab: Lab, model: str, path: str = "/v1/rerank", **more: object) -> Answer:
    return lab.post(path, {"model": model, **ASKED, **more})


@pytest.mark.parametrize("path", ["/v1/rerank", "/v2/rerank"])
def test_who_has_the_callers_shape_gets_the_bytes(lab: Lab, path: str) -> None:
    body = b'{ "model" : "%s", "query":"q",  "documents":["a", {"text":"b","more":1.0}], "mood":null }'
    lab.c.script(told(COHERE))
    answer = lab.post(path, body % b"plain")
    assert (answer.status, answer.body) == (200, json.dumps(COHERE).encode())
    received = lab.c.take()
    assert (received.target, received.body) == ("/v1/rerank", body % b"jina-reranker-v3")
    assert lab.record(answer)["endpoint"] == "rerank"


def test_cohere_gets_the_bytes_of_what_it_knows(lab: Lab) -> None:
    lab.a.script(told(COHERE))
    answer = rank(lab, "cohere", top_n=2, max_tokens_per_doc=512)
    assert (answer.status, answer.json()) == (200, COHERE)
    received = lab.a.take()
    assert received.target == "/v1/rerank"
    assert received.json() == {"model": "rerank-v3.5", **ASKED, "top_n": 2, "max_tokens_per_doc": 512}
    assert received.header("authorization") == "Bearer key-of-upstreams-0001"


def test_what_is_kept_of_it(lab: Lab) -> None:
    lab.a.script(told(COHERE))
    record = lab.record(rank(lab, "cohere"))
    assert (record["units"]["search_units"], record["cost_nano"], record["tokens"]["input"]) == (2, 4_000_000, None)
    assert (record["provider"], record["estimated"]) == ("a", False)
    lab.b.script(told(VOYAGE))
    answer = rank(lab, "voyage")
    assert answer.header("x-tollway-input-tokens") == "26"
    record = lab.record(answer)
    assert (record["tokens"]["input"], record["units"], record["cost_nano"]) == (26, None, 1_300)
    assert record["served_model"] == "rerank-2.5"


def test_one_provider_stands_in_for_another_of_another_shape(lab: Lab) -> None:
    lab.a.script(error(503))
    lab.b.script(told(VOYAGE))
    answer = rank(lab, "both", top_n=2, return_documents=True)
    assert (answer.status, answer.header("x-tollway-provider")) == (200, "b")
    assert lab.a.take().json() == {"model": "rerank-v3.5", **ASKED, "top_n": 2}
    assert lab.b.take().json() == {"model": "rerank-2.5", **ASKED, "top_k": 2, "return_documents": True}
    results = answer.json()["results"]
    assert results == [
        {"index": 1, "relevance_score": 0.75, "document": {"text": "Rome"}},
        {"index": 0, "relevance_score": 0.5, "document": {"text": "Oslo"}},
    ]


@pytest.mark.parametrize(
    "broken",
    [
        whole(b'{"id":"1","message":"model not ready"}'),
        whole(b'{"results":[{"relevance_score":1}]}'),
        whole(b"<html>"),
        whole(b'{"id":"1","results":7}'),
    ],
    ids=["an-error", "no-index", "a-page", "no-list"],
)
def test_what_is_no_reranking_is_the_next_ones_turn(lab: Lab, broken: Reply) -> None:
    lab.a.script(broken)
    lab.b.script(told(VOYAGE))
    assert rank(lab, "both").header("x-tollway-provider") == "b"
    lab.a.script(broken)
    assert rank(lab, "cohere").status in {500, 502}


def test_words_of_an_error_in_a_document_are_none(lab: Lab) -> None:
    documents = ["an error message", {"text": "b", "error": {"message": "kept"}}]
    lab.a.script(told(COHERE))
    answer = lab.post("/v1/rerank", {"model": "cohere", "query": "q", "documents": documents, "return_documents": True})
    assert answer.status == 200, answer.body
    assert answer.json()["results"][0]["document"] == documents[1]


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (401, b'{"id":"1","message":"invalid api token"}', "upstream_credentials"),
        (429, b'{"message":"You are using a Trial key, which is limited to 10 API calls / minute."}', None),
        (400, b'{"message":"invalid request: query must not be empty"}', None),
    ],
)
def test_errors_are_told_in_the_callers_form(lab: Lab, status: int, body: bytes, code: str | None) -> None:
    lab.a.script(whole(body, status))
    answer = rank(lab, "cohere")
    told = answer.json()["error"]
    assert answer.status == (502 if status == 401 else status), answer.body
    assert set(told) >= {"message", "type", "param", "code"}
    assert code is None or told["code"] == code
    assert b"key-of-upstreams" not in answer.body


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"query": "q", "documents": ["a"]}, "model"),
        ({"model": "cohere", "documents": ["a"]}, "query"),
        ({"model": "cohere", "query": "q"}, "documents"),
        ({"model": "voyage", "query": "q", "documents": ["a", 7]}, "documents[1]"),
        ({"model": "voyage", "query": "q", "documents": [{"image": "https://x/y.png"}]}, "documents[0]"),
        ({"model": "voyage", "query": "q", "documents": ["a"], "top_n": "two"}, "top_n"),
        ({"model": "strict", "query": "q", "documents": ["a"], "max_tokens_per_doc": 9}, "max_tokens_per_doc"),
    ],
)
def test_a_request_that_is_wrong_is_not_sent(lab: Lab, body: dict[str, object], param: str) -> None:
    answer = lab.post("/v1/rerank", body)
    assert (answer.status, answer.json()["error"]["param"]) == (400, param), answer.body
    assert lab.got() == (0, 0, 0)


def test_who_has_none_says_so(lab: Lab) -> None:
    for path, body, what in [
        ("/v1/rerank", {"model": "anthropic", **ASKED}, "rerankings"),
        ("/v1/moderations", {"model": "anthropic", "input": "a"}, "moderations"),
        ("/v1/moderations", {"model": "cohere", "input": "a"}, "moderations"),
        ("/v1/chat/completions", {"model": "voyage", "messages": []}, "models that answer"),
    ]:
        answer = lab.post(path, body)
        assert (answer.status, answer.json()["error"]["param"]) == (400, "model")
        assert f"has no {what}" in answer.json()["error"]["message"]
    assert lab.got() == (0, 0, 0)


@pytest.mark.parametrize("path", ["/v1/rerank", "/v1/moderations"])
def test_keys_and_methods_count_as_everywhere(lab: Lab, path: str) -> None:
    body = {"model": "cohere", **ASKED, "input": "a"}
    assert lab.post(path, body, key="unknown").status == 401
    is_error(lab.post(path, body, key=NARROW_KEY), 403, "model_not_allowed", "model")
    assert ask(lab.gateway.address, request(None, key=NARROW_KEY, target=path, method="GET")).status == 405
    assert lab.got() == (0, 0, 0)


def test_what_is_not_inspected_is_not_forwarded(lab: Lab) -> None:
    documents = ["Mail", EMAIL, {"text": f"Mail {EMAIL}.", "title": EMAIL}]
    body = {"query": f"Who is {EMAIL}?", "documents": documents}
    lab.c.script(told(COHERE))
    assert lab.post("/v1/rerank", {"model": "masked", **body}).status == 200
    sent = lab.c.take()
    assert EMAIL.encode() not in sent.body
    assert sent.json()["documents"] == ["Mail", "[EMAIL_1]", {"text": "Mail [EMAIL_1].", "title": "[EMAIL_1]"}]
    lab.a.script(told(COHERE))
    assert lab.post("/v1/rerank", {"model": "masked-cohere", **body}).status == 200
    assert EMAIL.encode() not in lab.a.take().body
    lab.c.script(told(MODERATED))
    pieces = [{"type": "text", "text": EMAIL}, {"type": "image_url", "image_url": {"url": f"https://x/{EMAIL}"}}]
    assert lab.post("/v1/moderations", {"model": "masked", "input": pieces}).status == 200
    assert EMAIL.encode() not in lab.c.take().body
    lab.forget()
    for path, more in (("/v1/rerank", body), ("/v1/moderations", {"input": ["a", EMAIL]})):
        is_error(lab.post(path, {"model": "refused", **more}), 400, "guardrail_rejected")
    assert lab.got() == (0, 0, 0)


def test_moderations_pass_and_are_kept(lab: Lab) -> None:
    body = b'{"model" : "plain","input": ["a", "b"]}'
    lab.c.script(told(MODERATED))
    answer = lab.post("/v1/moderations", body)
    assert (answer.status, answer.body) == (200, json.dumps(MODERATED).encode())
    received = lab.c.take()
    assert (received.target, received.body) == (
        "/v1/moderations",
        body.replace(b'"plain"', b'"jina-reranker-v3"'),
    )
    record = lab.record(answer)
    assert (record["endpoint"], record["served_model"]) == ("moderations", "omni-moderation-latest")
    assert (record["tokens"], record["stream"]) == (None, False)
    lab.c.script(error(500), told(MODERATED))
    assert lab.post("/v1/moderations", body).status == 502
