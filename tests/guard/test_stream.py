"""The `pii` guardrail on streams through the running gateway: nothing of a match goes out, wherever it is cut."""

from __future__ import annotations

import json
from itertools import combinations

import pytest

from tests.guard.conftest import EMAIL, ENTITIES, Watch, streamed
from tests.support import sse
from tests.support.errors import is_error_object
from tests.support.gateway import chat_body
from tests.support.reply import DONE, End, Gate, chunk, raw, stream
from tests.support.wire import Answer, request

BEFORE, AFTER = "It is (", "), thanks."


def halves(text: str) -> list[tuple[str, str]]:
    """`text` cut in two at every place, within the entity and around it."""
    return [(text[:cut], text[cut:]) for cut in range(1, len(text))]


def texts(body: bytes) -> dict[int, str]:
    """What each choice of a stream says."""
    said: dict[int, str] = {}
    for payload in sse.payloads(body):
        if payload != "[DONE]":
            for choice in json.loads(payload).get("choices", ()):
                said[choice["index"]] = said.get(choice["index"], "") + (choice["delta"].get("content") or "")
    return said


@pytest.mark.parametrize("entity", ENTITIES)
def test_masked_wherever_the_deltas_are_cut(watch: Watch, entity: str) -> None:
    """Each choice of one stream has the cut in another place."""
    text = BEFORE + ENTITIES[entity] + AFTER
    cuts = halves(text)
    watch.streaming(streamed(cuts))
    seen = watch.ask("mask", stream=True)
    assert sse.is_complete(seen.body)
    assert texts(seen.body) == dict.fromkeys(range(len(cuts)), f"{BEFORE}[{entity}_1]{AFTER}")
    gone_out = "".join(texts(seen.body).values())
    assert ENTITIES[entity][-6:] not in gone_out


@pytest.mark.parametrize("entity", ENTITIES)
def test_masked_when_the_deltas_are_cut_twice(watch: Watch, entity: str) -> None:
    value = ENTITIES[entity]
    cuts = [(BEFORE + value[:a], value[a:b], value[b:] + AFTER) for a, b in combinations(range(len(value)), 2)]
    for start in range(0, len(cuts), 100):
        some = cuts[start : start + 100]
        watch.streaming(streamed(some))
        seen = watch.ask("mask", stream=True)
        assert texts(seen.body) == dict.fromkeys(range(len(some)), f"{BEFORE}[{entity}_1]{AFTER}")


@pytest.mark.parametrize("entity", ENTITIES)
def test_masked_when_letters_come_one_by_one(watch: Watch, entity: str) -> None:
    watch.streaming(streamed([list(BEFORE + ENTITIES[entity] + AFTER)]))
    assert texts(watch.ask("mask", stream=True).body) == {0: f"{BEFORE}[{entity}_1]{AFTER}"}


@pytest.mark.parametrize("entity", ENTITIES)
def test_masked_wherever_the_connection_is_cut(watch: Watch, entity: str) -> None:
    """The upstream's bytes arrive one at a time: every boundary is one between two reads."""
    body = b"".join(streamed([[BEFORE, ENTITIES[entity][:5], ENTITIES[entity][5:], AFTER]]))
    watch.streaming([bytes([byte]) for byte in body])
    seen = watch.ask("mask", stream=True)
    assert sse.is_complete(seen.body)
    assert texts(seen.body) == {0: f"{BEFORE}[{entity}_1]{AFTER}"}


@pytest.mark.parametrize("entity", ENTITIES)
def test_an_upstream_that_leaves_within_an_entity_gives_nothing_of_it_away(watch: Watch, entity: str) -> None:
    value = ENTITIES[entity]
    for end in range(4, len(value)):
        head = stream([]).wire()[0]
        assert isinstance(head, bytes)
        body = chunk({"role": "assistant", "content": BEFORE}) + chunk({"content": value[:end]})
        watch.upstream.otherwise = raw(head, b"%x\r\n%s\r\n" % (len(body), body), End.CLOSE)
        seen = watch.ask("reject", stream=True)
        assert value[:4] not in texts(seen.body).get(0, "")
        error = sse.error(seen.body)
        assert error is not None
        assert error["code"] == "upstream_error"


def test_restored_wherever_the_deltas_are_cut(watch: Watch) -> None:
    masked = {label: halves(f"{BEFORE}[{label}_1]{AFTER}") for label in ENTITIES}
    cuts = [pieces for halved in masked.values() for pieces in halved]
    watch.streaming(streamed(cuts))
    seen = watch.ask("restore", " ".join(ENTITIES.values()), stream=True)
    expected = [BEFORE + ENTITIES[label] + AFTER for label, halved in masked.items() for _ in halved]
    assert list(texts(seen.body).values()) == expected


def refusal(seen: Answer) -> str:
    """Check that an answer ended in a refusal, as a stream's last event or before it began; its message."""
    error = seen.json()["error"] if seen.status == 400 else sse.error(seen.body)
    assert error is not None, seen.body
    is_error_object(error)
    assert error["code"] == "guardrail_rejected"
    assert not sse.is_complete(seen.body)
    return str(error["message"])


@pytest.mark.parametrize("entity", ENTITIES)
def test_refused_wherever_the_deltas_are_cut(watch: Watch, entity: str) -> None:
    value = ENTITIES[entity]
    for first, second in halves(BEFORE + value + AFTER):
        watch.streaming(streamed([[first, second]]))
        seen = watch.ask("reject", stream=True)
        assert entity.lower() in refusal(seen)
        assert BEFORE.startswith(texts(seen.body).get(0, "") if seen.status == 200 else "")
        assert value.encode() not in seen.body


@pytest.mark.parametrize("entity", ENTITIES)
def test_a_flag_lets_every_byte_pass(watch: Watch, entity: str) -> None:
    all_events = streamed([list(BEFORE + ENTITIES[entity] + AFTER)])
    watch.streaming(all_events)
    body = chat_body("flag", stream=True)
    with watch.gateway.connect() as wire:
        wire.send(request(body, [("x-tollway-trailer", "true")], key=watch.gateway.key))
        seen = wire.answer()
    comments = [line for line in seen.body.split(b"\n") if line.startswith(b":")]
    [trailer] = [json.loads(line.removeprefix(b": tollway ")) for line in comments]
    assert trailer["flags"] == [f"pii:{entity.lower()}:flagged"]
    without = seen.body.replace(comments[0] + b"\n\n", b"").replace(comments[0] + b"\n", b"")
    assert without == b"".join([*all_events[:-2], DONE])


def test_arguments_of_tool_calls_are_inspected(watch: Watch) -> None:
    arguments = json.dumps({"to": EMAIL, "text": "Hello"})
    named = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "send", "arguments": ""}}
    all_events = [chunk({"role": "assistant", "content": None, "tool_calls": [named]})]
    all_events += [chunk({"tool_calls": [{"index": 0, "function": {"arguments": letter}}]}) for letter in arguments]
    watch.streaming([*all_events, chunk(finish="tool_calls"), DONE])
    seen = watch.ask("mask", stream=True)
    said = "".join(
        call["function"].get("arguments", "")
        for payload in sse.payloads(seen.body)[:-1]
        for choice in json.loads(payload)["choices"]
        for call in choice["delta"].get("tool_calls", ())
    )
    assert json.loads(said) == {"to": "[EMAIL_1]", "text": "Hello"}


def test_text_that_is_no_match_is_not_held_until_the_end(watch: Watch) -> None:
    words = ["Four", " score", " and", " seven", " years", " ago", ", at", " home", "@", " work", " 4111", " 1111."]
    all_events = streamed([words])
    gates = [Gate() for _ in all_events]
    watch.streaming([step for event, gate in zip(all_events, gates, strict=True) for step in (event, gate)])
    # The word that an event ends with may go on in the next, so it is only sure to have gone out after that.
    gates[0].open()
    seen = b""
    with watch.gateway.connect() as wire:
        wire.send(request(chat_body("mask", stream=True), key=watch.gateway.key))
        for number, gate in enumerate(gates[1:-3]):
            gate.arrived()
            while not texts(seen).get(0, "").startswith("".join(words[: max(number - 2, 0)])):
                seen += wire.chunk() if seen else (wire.head(), wire.chunk())[1]
            gate.open()
        for gate in gates:
            gate.open()
        while piece := wire.chunk():
            seen += piece
    assert texts(seen) == {0: "".join(words)}


def test_a_hook_on_the_answer_sees_the_stream_masked(watch: Watch) -> None:
    watch.streaming(streamed([[BEFORE, EMAIL[:3], EMAIL[3:], AFTER]]))
    seen = watch.ask("hooked", stream=True)
    # The first address is the one that the hook on the request had added.
    assert texts(seen.body) == {0: f"{BEFORE}[EMAIL_2]{AFTER}"}
    assert "hook-saw-masked" in (seen.header("x-tollway-flags") or "")
