"""The `pii` guardrail on requests and on answers that are not streamed, through the running gateway."""

from __future__ import annotations

import json

import pytest

from tests.guard.conftest import (
    CARD,
    EMAIL,
    ENTITIES,
    KEY_OF_THE_MASKED,
    KEY_OF_THE_REFUSED,
    PHONE,
    Watch,
    content,
    flags,
)
from tests.support.errors import is_error
from tests.support.gateway import chat_body
from tests.support.reply import completion, whole

ALL = f"Mail {EMAIL}, pay by {CARD}, ring {PHONE}."
MASKED = "Mail [EMAIL_1], pay by [CARD_1], ring [PHONE_1]."


@pytest.mark.parametrize("route", ["mask", "restore", "input"])
def test_the_upstream_gets_placeholders(watch: Watch, route: str) -> None:
    seen = watch.ask(route, ALL)
    assert seen.status == 200
    assert watch.sent()["messages"] == [{"role": "user", "content": MASKED}]
    assert flags(seen) == {"pii:email:masked", "pii:card:masked", "pii:phone:masked"}


def test_a_value_has_the_same_placeholder_wherever_it_stands(watch: Watch) -> None:
    messages = [
        {"role": "system", "content": f"{EMAIL} is the customer."},
        {"role": "user", "content": [{"type": "text", "text": f"I am {EMAIL}, not other@example.com"}]},
        {"role": "assistant", "content": None, "tool_calls": [_call({"to": EMAIL})]},
        {"role": "tool", "tool_call_id": "call_1", "content": json.dumps({"sent": EMAIL})},
    ]
    assert watch.gateway.chat(chat_body("mask", messages=messages, user=EMAIL)).status == 200
    sent = watch.sent()
    assert sent["messages"][0]["content"] == "[EMAIL_1] is the customer."
    assert sent["messages"][1]["content"][0]["text"] == "I am [EMAIL_1], not [EMAIL_2]"
    assert json.loads(sent["messages"][2]["tool_calls"][0]["function"]["arguments"]) == {"to": "[EMAIL_1]"}
    assert json.loads(sent["messages"][3]["content"]) == {"sent": "[EMAIL_1]"}
    assert sent["user"] == "[EMAIL_1]"


def _call(arguments: dict[str, str]) -> dict[str, object]:
    function = {"name": "send", "arguments": json.dumps(arguments)}
    return {"id": "call_1", "type": "function", "function": function}


def test_escapes_hide_nothing(watch: Watch) -> None:
    hidden = "".join(f"\\u{ord(letter):04x}" for letter in EMAIL)
    body = b'{"model":"mask","messages":[{"role":"user","content":"Mail ' + hidden.encode() + b'"}]}'
    assert watch.gateway.chat(body).status == 200
    assert watch.sent()["messages"][0]["content"] == "Mail [EMAIL_1]"


def test_what_was_masked_is_restored_where_the_route_says_so(watch: Watch) -> None:
    watch.answering(f"I wrote to [EMAIL_1] and called [PHONE_1] about [CARD_1]; [EMAIL_9] is not ours. {CARD}")
    restored = watch.ask("restore", ALL)
    # A card in the answer is masked, but this one came from the caller.
    assert content(restored).startswith(f"I wrote to {EMAIL} and called {PHONE} about {CARD}; [EMAIL_9] is not ours.")
    assert content(watch.ask("mask", ALL)).startswith("I wrote to [EMAIL_1] and called [PHONE_1] about [CARD_1];")


def test_nothing_of_one_request_is_restored_in_another(watch: Watch) -> None:
    watch.answering("[EMAIL_1]")
    assert content(watch.ask("restore", f"I am {EMAIL}")) == EMAIL
    assert content(watch.ask("restore", "Who am I?")) == "[EMAIL_1]"
    assert content(watch.ask("restore", "I am other@example.com")) == "other@example.com"


def test_the_answer_is_masked(watch: Watch) -> None:
    for route in ("mask", "output"):
        watch.answering(ALL)
        seen = watch.ask(route)
        assert content(seen) == MASKED
        assert flags(seen) == {"pii:email:masked", "pii:card:masked", "pii:phone:masked"}
    watch.answering(ALL)
    assert content(watch.ask("input")) == ALL
    assert content(watch.ask("email-only")) == ALL.replace(EMAIL, "[EMAIL_1]")


@pytest.mark.parametrize("entity", ENTITIES)
def test_a_request_is_refused_without_saying_what_was_found(watch: Watch, entity: str) -> None:
    seen = watch.ask("reject", f"It is {ENTITIES[entity]}.")
    message = is_error(seen, 400, "guardrail_rejected")["message"]
    assert "pii" in message
    assert entity.lower() in message
    assert ENTITIES[entity] not in seen.body.decode()
    assert watch.upstream.requests == []


@pytest.mark.parametrize("entity", ENTITIES)
def test_an_answer_is_refused_without_saying_what_was_found(watch: Watch, entity: str) -> None:
    watch.answering(f"It is {ENTITIES[entity]}.")
    seen = watch.ask("reject")
    assert "pii" in is_error(seen, 400, "guardrail_rejected")["message"]
    assert ENTITIES[entity] not in seen.body.decode()


def test_a_flag_changes_nothing_else(watch: Watch) -> None:
    watch.answering(f"You said {PHONE}.")
    seen = watch.ask("flag", f"I am {EMAIL}")
    assert flags(seen) == {"pii:email:flagged", "pii:phone:flagged"}
    assert seen.body == completion(f"You said {PHONE}.")
    assert watch.sent()["messages"][0]["content"] == f"I am {EMAIL}"


def test_several_guardrails_of_a_route(watch: Watch) -> None:
    seen = watch.ask("several", f"I am {EMAIL}")
    assert (seen.status, flags(seen)) == (200, {"pii:email:flagged"})
    is_error(watch.ask("several", f"{EMAIL} {CARD}"), 400, "guardrail_rejected")


def test_guardrails_of_a_key(watch: Watch) -> None:
    watch.answering("Hello, [EMAIL_1]!")
    seen = watch.ask("m", f"I am {EMAIL}", key=KEY_OF_THE_MASKED)
    assert watch.sent()["messages"][0]["content"] == "I am [EMAIL_1]"
    assert content(seen) == f"Hello, {EMAIL}!"
    is_error(watch.ask("m", f"It is {CARD}.", key=KEY_OF_THE_REFUSED), 400, "guardrail_rejected")
    # Of the route's and the key's guardrails the stricter counts.
    is_error(watch.ask("mask", f"It is {CARD}.", key=KEY_OF_THE_REFUSED), 400, "guardrail_rejected")
    watch.ask("mask", f"I am {EMAIL}", key=KEY_OF_THE_REFUSED)
    assert watch.sent()["messages"][0]["content"] == "I am [EMAIL_1]"
    # And without guardrails there are none.
    watch.ask("m", f"I am {EMAIL}")
    assert watch.sent()["messages"][0]["content"] == f"I am {EMAIL}"


def test_hooks_on_requests_come_before_the_guardrails_and_on_answers_after(watch: Watch) -> None:
    watch.answering(f"I wrote to {EMAIL}.")
    seen = watch.ask("hooked", f"I am {EMAIL}")
    said = [message["content"] for message in watch.sent()["messages"]]
    assert said == ["I am [EMAIL_1]", "Answer to [EMAIL_2]"]
    assert content(seen) == "I wrote to [EMAIL_1]."
    assert flags(seen) == {"pii:email:masked", "hook-saw-masked"}


LARGE = completion("x" * (2 << 20))


def test_an_answer_too_large_to_inspect_is_not_forwarded(watch: Watch) -> None:
    watch.upstream.otherwise = whole(LARGE)
    for route in ("mask", "output", "reject"):
        is_error(watch.ask(route), 400, "guardrail_rejected")
    seen = watch.ask("input")
    assert (seen.status, seen.body) == (200, LARGE)


def test_an_answer_too_large_to_inspect_passes_where_failure_is_open(watch: Watch) -> None:
    watch.upstream.otherwise = whole(LARGE)
    seen = watch.ask("open")
    assert (seen.status, seen.body) == (200, LARGE)
    assert "pii:not-inspected" in flags(seen)


def test_what_is_found_is_nowhere_in_the_log(watch: Watch) -> None:
    watch.ask("reject", ALL)
    watch.ask("mask", ALL)
    watch.answering(ALL)
    watch.ask("reject")
    assert not [entity for entity in ENTITIES.values() if entity in watch.gateway.log]
