"""Relay: a stream's events reach the caller as they are, whatever their bytes are cut into, and end properly."""

from __future__ import annotations

import json

import pytest

from tests.pipeline.conftest import Road
from tests.support.errors import is_error, is_error_object
from tests.support.gateway import chat_body
from tests.support.reply import (
    DONE,
    End,
    Flow,
    Gate,
    Reply,
    Step,
    chunk,
    completion,
    cut,
    data,
    events,
    raw,
    stream,
    usage_event,
)
from tests.support.sse import error, is_complete, payloads, split, text
from tests.support.upstream import wait_gone
from tests.support.waiting import comes_to_rest
from tests.support.wire import Answer, Wire

UNICODE = events(["żółć", " 你好", " 😀\u2028", "\\ud83d \\n\u0000"], usage=False)
PLAIN = events(usage=False)


def relayed(road: Road, *steps: Step, **members: object) -> bytes:
    """What the caller gets of a stream that is sent in these steps, without usage unless it asks."""
    road.upstream.script(stream(steps))
    told = road.gateway.chat({**chat_body(stream=True), **members})
    assert told.status == 200, told.body
    assert not told.cut
    return told.body


def test_a_stream_is_relayed_to_the_byte(road: Road) -> None:
    for sent in (PLAIN, UNICODE):
        assert relayed(road, *sent) == b"".join(sent)
        assert relayed(road, b"".join(sent)) == b"".join(sent)


def test_a_stream_cut_at_any_byte_is_the_same_stream(road: Road) -> None:
    whole = b"".join(UNICODE[1:3] + UNICODE[-2:])
    for offset in range(1, len(whole)):
        assert relayed(road, whole[:offset], Flow.READ, whole[offset:]) == whole, offset


def test_a_stream_byte_by_byte_is_the_same_stream(road: Road) -> None:
    whole = b"".join(UNICODE)
    steps: list[Step] = []
    for byte in whole:
        steps += [bytes([byte]), Flow.READ]
    assert relayed(road, *steps) == whole


@pytest.mark.parametrize("ending", [b"\r\n", b"\r"], ids=["crlf", "cr"])
def test_other_line_ends(road: Road, ending: bytes) -> None:
    whole = b"".join(PLAIN).replace(b"\n", ending)
    assert relayed(road, whole) == whole
    for offset in range(1, len(whole), 3):
        assert relayed(road, whole[:offset], Flow.READ, whole[offset:]) == whole, offset


@pytest.mark.parametrize(
    "form",
    [
        pytest.param(b": ping\n\n" + PLAIN[1] + b": ping\n\n" + b"".join(PLAIN[2:]), id="comments"),
        pytest.param(b"event: x\nid: 7\nretry: 5\n" + PLAIN[1] + b"".join(PLAIN[2:]), id="other-fields"),
        pytest.param(PLAIN[1].replace(b"data: ", b"data:") + b"".join(PLAIN[2:]), id="no-space"),
        pytest.param(PLAIN[1].replace(b', "', b',\ndata: "', 1) + b"".join(PLAIN[2:]), id="data-on-two-lines"),
        pytest.param(b"\n\n\n" + PLAIN[1] + b"\n\n" + b"".join(PLAIN[2:]), id="blank-lines"),
    ],
)
def test_whatever_else_a_stream_may_hold(road: Road, form: bytes) -> None:
    assert payloads(relayed(road, form)) == payloads(form)


def test_a_byte_order_mark_does_not_hide_the_first_event(road: Road) -> None:
    assert (
        text(relayed(road, b"\xef\xbb\xbf" + b"".join(PLAIN)).removeprefix(b"\xef\xbb\xbf")) == "Hello from upstream."
    )


def test_each_event_comes_as_soon_as_it_is_there(road: Road) -> None:
    gates = [Gate() for _ in PLAIN]
    steps = [step for event, gate in zip(PLAIN, gates, strict=True) for step in (event, gate)]
    road.upstream.script(stream(steps))
    with road.begin(chat_body(stream=True)) as wire:
        # The head is held until the first content.
        gates[0].open()
        assert wire.head().status == 200
        assert wire.until(PLAIN[1]).endswith(PLAIN[0] + b"" + PLAIN[1])
        for event, before in zip(PLAIN[2:], gates[1:], strict=False):
            before.open()
            assert wire.until(event).endswith(event)
        gates[-1].open()


def test_unknown_events_pass(road: Road) -> None:
    odd = [data({"x": 1}), data({"choices": []}), chunk({"tool_calls": [{"index": 0}]}), chunk({"x_new": "y"})]
    sent = [*PLAIN[:2], *odd, *PLAIN[2:]]
    assert relayed(road, *sent) == b"".join(sent)


def test_usage_is_told_only_to_who_asks(road: Road) -> None:
    sent = events()
    without = b"".join(event for event in sent if event != usage_event())
    assert relayed(road, *sent) == without
    for options in ({}, {"include_usage": False}, None, {"include_obfuscation": False}):
        assert relayed(road, *sent, stream_options=options) == without
    assert relayed(road, *sent, stream_options={"include_usage": True}) == b"".join(sent)


def test_usage_beside_content_is_not_taken_out(road: Road) -> None:
    sent = [*PLAIN[:-2], chunk(finish="stop", usage={"prompt_tokens": 1, "completion_tokens": 2}), DONE]
    assert relayed(road, *sent) == b"".join(sent)
    nulls = [chunk({"content": "a"}, usage=None), chunk(finish="stop", usage=None), DONE]
    assert relayed(road, *nulls) == b"".join(nulls)


def test_the_trailer_is_told_only_to_who_asks(road: Road) -> None:
    road.upstream.script(stream(), stream(), stream(PLAIN))
    told = road.stream("m", ("x-tollway-trailer", "true"))
    *before, trailer, done = split(told.body)
    assert [event + b"\n\n" for event in before] == events()[:-2]
    assert done + b"\n\n" == DONE
    assert trailer.startswith(b": tollway {")
    members = json.loads(trailer.removeprefix(b": tollway "))
    assert (members["input_tokens"], members["output_tokens"]) == (9, 5)
    assert members["request_id"] == told.header("x-request-id")
    assert b"tollway" not in road.stream("m", ("x-tollway-trailer", "false")).body
    assert (members["estimated"], members["cost_usd"]) == (False, None), "the model has no price"
    # Without usage of the upstream's, it is counted, and said to be.
    *_, trailer, done = split(road.stream("m", ("x-tollway-trailer", "true")).body)
    assert json.loads(trailer.removeprefix(b": tollway "))["estimated"] is True


def failed(told: Answer, code: str) -> None:
    """Check that a stream ended with an error event, and not as if it were whole."""
    assert told.status == 200
    assert not told.cut
    assert not is_complete(told.body), told.body[-200:]
    said = error(told.body)
    assert said is not None, told.body[-200:]
    is_error_object(said)
    assert said["code"] == code


def never_mistaken(told: Answer, sent: list[bytes]) -> None:
    """Check that a broken stream is either an error from the start, or whole events and then an error."""
    if told.status != 200:
        assert told.status == 502
        is_error_object(told.json()["error"])
        return
    failed(told, "upstream_error")
    passed = [event + b"\n\n" for event in split(told.body)][:-1]
    assert passed == sent[: len(passed)]


@pytest.mark.parametrize("end", [End.CLOSE, End.RESET])
def test_an_upstream_that_hangs_up_at_any_byte_of_a_stream(road: Road, end: End) -> None:
    reply = stream(PLAIN)
    finish = reply.all_bytes().index(PLAIN[-2]) + len(PLAIN[-2])
    step = 1 if end is End.CLOSE else 7
    for offset in range(0, finish, step):
        road.upstream.script(cut(reply, offset, end))
        never_mistaken(road.stream(), PLAIN)


def test_an_upstream_that_hangs_up_after_the_finish(road: Road) -> None:
    # What was said is whole; whether `[DONE]` still comes or an error, nothing may be lost or added.
    reply = stream(PLAIN)
    whole = reply.all_bytes()
    for offset in range(whole.index(PLAIN[-2]) + len(PLAIN[-2]), len(whole)):
        road.upstream.script(cut(reply, offset))
        told = road.stream()
        assert (told.status, told.cut) == (200, False)
        assert told.body.startswith(b"".join(PLAIN[:-1]))
        if not is_complete(told.body):
            failed(told, "upstream_error")


@pytest.mark.parametrize("framing", ["chunked", "close", "length"])
def test_a_stream_without_done_that_ends_properly_is_whole(road: Road, framing: str) -> None:
    road.upstream.script(stream(PLAIN[:-1], framing))  # type: ignore[arg-type]
    assert road.stream().body == b"".join(PLAIN)


def test_a_stream_that_ends_by_closing_before_its_finish_is_broken(road: Road) -> None:
    for sent in (PLAIN[:2], PLAIN[:3], [*PLAIN[:-1], PLAIN[1][:20]]):
        road.upstream.script(stream(sent, "close"))
        never_mistaken(road.stream(), PLAIN)


@pytest.mark.parametrize(
    "bad", [data("nonsense"), data([]), data('{"choices":[{"delta":')], ids=["text", "array", "cut"]
)
def test_nonsense_in_the_middle_of_a_stream(road: Road, bad: bytes) -> None:
    road.upstream.script(stream([*PLAIN[:2], bad, *PLAIN[2:]]))
    told = road.stream()
    failed(told, "upstream_error")
    assert told.body.startswith(b"".join(PLAIN[:2]))


def test_an_error_in_the_middle_of_a_stream(road: Road) -> None:
    said = {"message": "The model fell over.", "type": "server_error", "param": None, "code": "server_error"}
    for rest in ([], [DONE], PLAIN[2:]):
        road.upstream.script(stream([*PLAIN[:2], data({"error": said}), *rest]))
        told = road.stream()
        assert error(told.body) == said
        assert told.body.startswith(b"".join(PLAIN[:2]))


def test_an_error_of_another_shape_in_the_middle_of_a_stream_has_all_four_fields(road: Road) -> None:
    for said in ({"error": "The model fell over."}, {"error": {"message": "The model fell over."}}):
        road.upstream.script(stream([*PLAIN[:2], data(said)]))
        told = error(road.stream().body)
        assert told is not None
        is_error_object(told)
        assert "The model fell over." in told["message"]


def test_a_stream_that_stands_still(road: Road) -> None:
    for sent in (PLAIN[:2], [*PLAIN[:2], PLAIN[2][:15]], PLAIN[:-2]):
        road.upstream.script(stream([*sent, End.HANG]))
        failed(road.stream("brief-idle"), "upstream_timeout")
        wait_gone(road.upstream.take())


def test_a_stream_that_takes_too_long(road: Road) -> None:
    # It never stands still: each piece follows as soon as the one before was read.
    dripping: list[Step] = [step for _ in range(20_000) for step in (PLAIN[1], Flow.READ)]
    road.upstream.script(stream([*dripping, End.HANG]))
    failed(road.stream("brief-total"), "upstream_timeout")
    wait_gone(road.upstream.take())


def test_a_stream_that_never_pauses_takes_too_long(road: Road) -> None:
    road.upstream.script(stream([PLAIN[1] * 200] * 1_000_000, "close"))
    with road.begin(chat_body("brief-total", stream=True)) as wire:
        read, last = 0, b""
        while data := wire.socket.recv(1 << 20):
            read, last = read + len(data), (last + data)[-1000:]
            assert read < 4 << 30, "it goes on and on"
            if b"upstream_timeout" in last:
                break
        assert b"upstream_timeout" in last
    wait_gone(road.upstream.take())


def test_after_done_nothing_more_is_awaited(road: Road) -> None:
    road.upstream.script(stream([*PLAIN, End.HANG]), stream([*PLAIN, PLAIN[1], PLAIN[1]]))
    assert road.stream().body == b"".join(PLAIN)
    wait_gone(road.upstream.take())
    assert road.stream().body == b"".join(PLAIN)


@pytest.mark.parametrize("leave", [Wire.close, Wire.reset])
@pytest.mark.parametrize("seen", range(1, len(PLAIN)))
def test_a_caller_who_leaves_after_any_event(road: Road, seen: int, leave: object) -> None:
    gate = Gate()
    road.upstream.script(stream([*PLAIN[:seen], Flow.READ, gate, End.HANG]))
    with road.begin(chat_body(stream=True)) as wire:
        gate.arrived()
        received = road.upstream.take()
        if seen > 1:
            wire.until(PLAIN[seen - 1])
        assert not received.gone.is_set()
        leave(wire)  # type: ignore[operator]
        wait_gone(received)


def test_a_caller_who_half_closes_counts_as_gone(road: Road) -> None:
    # What comes first of one who leaves is the same: to wait for the rest would keep every such call running.
    road.upstream.script(stream([*PLAIN[:2], End.HANG]))
    with road.begin(chat_body(stream=True)) as wire:
        wire.until(PLAIN[1])
        wire.finish()
        wait_gone(road.upstream.take())


@pytest.mark.parametrize("seen", range(1, len(PLAIN)))
def test_a_caller_who_leaves_while_events_come(road: Road, seen: int) -> None:
    endless: list[Step] = [*PLAIN[:2], *([PLAIN[1] * 200] * 1000)]
    road.upstream.script(stream(endless))
    with road.begin(chat_body(stream=True)) as wire:
        for _ in range(seen):
            wire.until(PLAIN[1])
    wait_gone(road.upstream.take())


def test_a_caller_who_does_not_read_holds_the_upstream_back(road: Road) -> None:
    piece = PLAIN[1] * 1000
    road.upstream.script(stream([*PLAIN[:2], *([piece] * 300)]))
    before = road.gateway.rss()
    with road.begin(chat_body(stream=True)) as wire:
        received = road.upstream.take()
        sent = comes_to_rest(lambda: road.upstream.sent, "the stream stands still")
        assert sent < 250 * len(piece)
        assert road.gateway.rss() - before < 32 << 20
        wire.until(PLAIN[1])
    wait_gone(received)


@pytest.mark.parametrize("size", [(1 << 20) - 1, 1 << 20, (1 << 20) + 1, 5 << 20])
@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
def test_answers_of_any_size(road: Road, size: int, framing: str) -> None:
    body = completion("x" * (size - len(completion(""))))
    assert len(body) == size
    road.upstream.script(Reply(body=(body,), framing=framing))  # type: ignore[arg-type]
    told = road.chat()
    assert (told.status, told.cut) == (200, False)
    assert told.body == body
    assert told.header("content-type") == "application/json"
    # Tokens are told in headers where the answer is small enough to be held until they are known.
    assert told.header("x-tollway-output-tokens") == ("5" if size <= 1 << 20 else None)


def test_a_large_answer_is_not_held_back(road: Road) -> None:
    body = completion("x" * (3 << 20))
    gate = Gate()
    road.upstream.script(Reply(body=(body[: 2 << 20], gate, body[2 << 20 :]), framing="chunked"))
    with road.begin() as wire:
        head = wire.head()
        assert head.status == 200
        read = b""
        while len(read) < 2 << 20:
            read += wire.chunk()
        gate.open()
        while piece := wire.chunk():
            read += piece
        assert read == body


def test_a_large_answer_that_is_none(road: Road) -> None:
    for kind, body in (("text/html", b"<html>"), ("application/json", b"hello "), ("application/octet-stream", b"\0")):
        road.upstream.script(Reply(headers=(("content-type", kind),), body=(body * (1 << 19),)))
        is_error(road.chat(), 502, "upstream_error")


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_large_answer_that_breaks_off_is_never_taken_as_whole(road: Road, framing: str) -> None:
    body = completion("x" * (3 << 20))
    reply = Reply(body=(body,), framing=framing)  # type: ignore[arg-type]
    for end in (End.CLOSE, End.RESET):
        road.upstream.script(cut(reply, 2 << 20, end))
        told = road.chat()
        assert told.status == 502 or told.cut


def test_a_large_answer_that_stands_still_is_never_taken_as_whole(road: Road) -> None:
    body = completion("x" * (3 << 20))
    road.upstream.script(Reply(body=(body[: 2 << 20], End.HANG, body[2 << 20 :])))
    told = road.chat(model="brief-total")
    assert told.status == 504 or told.cut
    wait_gone(road.upstream.take())


def test_a_caller_who_leaves_within_a_large_answer(road: Road) -> None:
    road.upstream.script(Reply(body=(completion("x" * (2 << 20))[:-10], End.HANG), framing="chunked"))
    with road.begin() as wire:
        assert wire.head().status == 200
        received = road.upstream.take()
    wait_gone(received)


def test_a_stream_to_http_1_0_is_not_chunked(road: Road) -> None:
    road.upstream.script(stream(PLAIN))
    body = json.dumps(chat_body(stream=True)).encode()
    with road.gateway.connect() as wire:
        head = f"POST /v1/chat/completions HTTP/1.0\r\nhost: x\r\nx-api-key: {road.gateway.key}\r\n"
        wire.send(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        told = wire.answer()
        assert told.header("transfer-encoding") is None
        assert told.body == b"".join(PLAIN)


def test_interim_answers_are_passed_over(road: Road) -> None:
    early = b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n"
    road.upstream.script(
        raw(early + stream(PLAIN).all_bytes()),
        raw(b"HTTP/1.1 100 Continue\r\n\r\n" + early + Reply(body=(completion(),)).all_bytes()),
    )
    assert road.stream().body == b"".join(PLAIN)
    assert road.chat().body == completion()
