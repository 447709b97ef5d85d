"""`/v1/audio/speech`, `/v1/audio/transcriptions`, `/v1/audio/translations`."""

from __future__ import annotations

import io
import json
import socket
import threading
from collections.abc import Iterator

import pytest

from tests.endpoints.conftest import KEYS, Bench, error
from tests.support.gateway import KEY, RunningGateway, minimal
from tests.support.reply import End, Gate, Reply, raw, whole

HEARD = {"text": "Hello.", "usage": {"type": "duration", "seconds": 90}}
TOKENS = {
    "type": "tokens",
    "input_tokens": 14,
    "input_token_details": {"text_tokens": 10, "audio_tokens": 4},
    "output_tokens": 5,
    "total_tokens": 19,
}
SOUND = b"RIFF" + bytes(range(256)) * 64
TRANSCRIPTIONS = "/v1/audio/transcriptions"


def heard(**members: object) -> Reply:
    return whole(json.dumps({**HEARD, **members}).encode())


def field(name: str, value: str) -> bytes:
    return f'--B\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()


def file(data: bytes = SOUND, name: str = "file") -> bytes:
    head = f'--B\r\nContent-Disposition: form-data; name="{name}"; filename="a.wav"\r\nContent-Type: audio/wav\r\n\r\n'
    return head.encode() + data + b"\r\n"


END = b"--B--\r\n"
FORM = {"content-type": "multipart/form-data; boundary=B"}


def test_speech_is_passed_as_it_comes(bench: Bench) -> None:
    gate = Gate()
    bench.upstream.script(
        Reply(headers=(("content-type", "audio/mpeg"),), body=(b"ID3first", gate, b"second"), framing="chunked")
    )
    with (
        bench.client() as client,
        client.audio.speech.with_streaming_response.create(model="pieces", voice="alloy", input="Grüße!") as answer,
    ):
        pieces = answer.iter_bytes()
        assert next(pieces) == b"ID3first", "before the upstream has sent the rest"
        gate.open()
        assert b"".join(pieces) == b"second"
        assert answer.headers["content-type"] == "audio/mpeg"
        assert answer.headers["x-tollway-model"] == "by-piece"
        record = bench.record(answer.headers["x-request-id"])
    assert bench.upstream.take().json() == {"model": "by-piece", "voice": "alloy", "input": "Grüße!"}
    assert record["units"]["characters"] == 6
    assert record["cost_nano"] == 90_000, "6 characters at $15 a million"


def test_speech_as_events(bench: Bench) -> None:
    events = [
        {"type": "speech.audio.delta", "audio": "QUJD"},
        {"type": "speech.audio.done", "usage": {"input_tokens": 14, "output_tokens": 101, "total_tokens": 115}},
    ]
    body = b"".join(b"data: %s\n\n" % json.dumps(event).encode() for event in events)
    bench.upstream.script(Reply(headers=(("content-type", "text/event-stream"),), body=(body,), framing="chunked"))
    asked = {"model": "m", "voice": "alloy", "input": "Hi", "stream_format": "sse"}
    answer = bench.post("/v1/audio/speech", asked)
    assert answer.body == body
    tokens = bench.record(answer.header("x-request-id"))["tokens"]
    assert (tokens["input"], tokens["output"]) == (14, 101)


def test_speech_under_guardrails(bench: Bench) -> None:
    """The text is inspected; what is said cannot be, so that a guardrail on answers refuses before anything is sent."""
    error(bench.post("/v1/audio/speech", {"model": "guarded", "voice": "v", "input": "x"}), 400, "guardrail_rejected")
    assert bench.upstream.requests == []


def test_an_upstream_that_breaks_before_the_first_byte_is_replaced(bench: Bench) -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: audio/mpeg\r\ncontent-length: 10\r\n\r\n"
    bench.upstream.script(raw(head, End.CLOSE))
    bench.second.script(Reply(headers=(("content-type", "audio/mpeg"),), body=(b"sound",)))
    answer = bench.post("/v1/audio/speech", {"model": "fallback", "voice": "v", "input": "x"})
    assert (answer.status, answer.body, answer.header("x-tollway-attempts")) == (200, b"sound", "2")
    assert answer.header("content-length") == "5"


@pytest.mark.filterwarnings("ignore:deprecated")  # the client says so of translations
@pytest.mark.parametrize("kind", ["transcriptions", "translations"])
@pytest.mark.parametrize("size", [1000, 400_000], ids=["short", "long"])
def test_speech_is_heard_by_the_stock_client(bench: Bench, kind: str, size: int) -> None:
    sound = (SOUND * (size // len(SOUND) + 1))[:size]
    bench.upstream.script(heard())
    with bench.client() as client:
        part = getattr(client.audio, kind)
        said = part.with_raw_response.create(model="pieces", file=("a.wav", io.BytesIO(sound)), temperature=0.5)
    assert said.parse().text == "Hello."
    received = bench.upstream.take()
    assert received.target == f"/v1/audio/{kind}"
    assert sound in received.body
    assert b'name="model"\r\n\r\nby-piece\r\n' in received.body
    assert b'name="temperature"\r\n\r\n0.5\r\n' in received.body
    assert received.header("content-length") == str(len(received.body))
    record = bench.record(said.headers["x-request-id"])
    assert (record["units"]["audio_input_ms"], record["cost_nano"]) == (90_000, 9_000_000)
    assert record["request_bytes"] > size


@pytest.mark.parametrize("size", [1000, 400_000], ids=["short", "long"])
def test_the_file_may_come_first(bench: Bench, size: int) -> None:
    """As curl and the client for Node send it: the model is behind the file."""
    sound = (SOUND * (size // len(SOUND) + 1))[:size]
    bench.upstream.script(heard(usage=TOKENS))
    body = file(sound) + field("model", "m") + field("include[]", "a") + field("include[]", "b") + END
    answer = bench.ask("POST", TRANSCRIPTIONS, body, FORM)
    assert answer.status == 200, answer.body
    received = bench.upstream.take().body
    expected = [field("model", "up-model"), field("include[]", "a"), field("include[]", "b")]
    written = b"".join(expected).replace(b"Content-Disposition", b"content-disposition")
    assert received == written + file(sound) + END
    tokens = bench.record(answer.header("x-request-id"))["tokens"]
    assert (tokens["input"], tokens["audio_input"], tokens["output"]) == (10, 4, 5)


def test_a_transcript_is_streamed(bench: Bench) -> None:
    events = [
        {"type": "transcript.text.delta", "delta": "Hel"},
        {"type": "transcript.text.done", "text": "Hello.", "usage": TOKENS},
    ]
    body = b"".join(b"data: %s\n\n" % json.dumps(event).encode() for event in events)
    bench.upstream.script(Reply(headers=(("content-type", "text/event-stream"),), body=(body,), framing="chunked"))
    with bench.client() as client:
        seen = list(client.audio.transcriptions.create(model="m", file=("a.wav", SOUND), stream=True))
    assert [event.type for event in seen] == ["transcript.text.delta", "transcript.text.done"]


def test_what_is_not_json_passes(bench: Bench) -> None:
    bench.upstream.script(Reply(headers=(("content-type", "text/plain; charset=utf-8"),), body=(b"1\n00:00 Hello\n",)))
    with bench.client() as client:
        said = client.audio.transcriptions.create(model="m", file=("a.wav", SOUND), response_format="srt")
    assert str(said) == "1\n00:00 Hello\n"


def test_the_fields_of_a_form_are_inspected(bench: Bench) -> None:
    """Whatever their place: for that the form is kept first."""
    bench.upstream.script(heard(text="Write to [EMAIL_1]"))
    big = SOUND * 40
    body = field("model", "guarded") + file(big) + field("prompt", "Spell joe@example.com so") + END
    answer = bench.ask("POST", TRANSCRIPTIONS, body, FORM)
    assert answer.status == 200, answer.body
    received = bench.upstream.take().body
    assert b"joe@" not in received
    assert big in received


def test_a_short_or_kept_form_is_sent_again(bench: Bench) -> None:
    for sound in (SOUND, SOUND * 40):
        bench.upstream.script(whole(b'{"error":{"message":"busy"}}', status=503))
        bench.second.script(heard())
        answer = bench.ask("POST", TRANSCRIPTIONS, file(sound) + field("model", "fallback") + END, FORM)
        assert (answer.status, answer.header("x-tollway-provider")) == (200, "second"), answer.body
        assert sound in bench.second.take().body


def test_what_has_gone_on_is_not_sent_again(bench: Bench) -> None:
    bench.upstream.script(whole(b'{"error":{"message":"busy"}}', status=503))
    answer = bench.ask("POST", TRANSCRIPTIONS, field("model", "fallback") + file(SOUND * 40) + END, FORM)
    error(answer, 503, "upstream_overloaded")
    assert bench.second.requests == []


def test_an_unreachable_target_costs_nothing_of_the_file(
    bench: Bench, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Nothing of the file was taken from the caller: another target gets it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    targets = [{"provider": "nowhere", "model": "x"}, {"provider": "up", "model": "up-model"}]
    text = minimal(
        bench.upstream.url,
        providers={"nowhere": {"type": "openai", "base_url": nowhere, "api_key": "env:TEST_UPSTREAM_KEY"}},
        routes={"f": {"strategy": "fallback", "max_retries": 0, "targets": targets}},
    )
    bench.upstream.script(heard())
    big = SOUND * 40
    with RunningGateway(text, tmp_path_factory.mktemp("nowhere")) as gateway:
        other = Bench(gateway, bench.upstream, bench.second)
        answer = other.ask("POST", TRANSCRIPTIONS, field("model", "f") + file(big) + END, FORM)
    assert (answer.status, answer.header("x-tollway-attempts")) == (200, "2"), answer.body
    assert big in bench.upstream.take().body


BAD = {
    "no boundary": ("multipart/form-data", field("model", "m") + file() + END, 400, "body"),
    "two boundaries": ("multipart/form-data; boundary=B; boundary=C", field("model", "m") + file() + END, 400, "body"),
    "another boundary": ("multipart/form-data; boundary=C", field("model", "m") + file() + END, 400, "body"),
    "empty": ("multipart/form-data; boundary=B", b"", 400, "body"),
    "no model": ("multipart/form-data; boundary=B", file() + END, 400, "model"),
    "two models": ("multipart/form-data; boundary=B", field("model", "m") * 2 + file() + END, 400, "model"),
    "a model behind a file": (
        "multipart/form-data; boundary=B",
        field("model", "m") + file(SOUND * 40) + field("model", "n") + END,
        400,
        "model",
    ),
    "a file that is a model": (
        "multipart/form-data; boundary=B",
        field("model", "m") + file(SOUND * 40) + file(b"x", name="model") + END,
        400,
        "model",
    ),
    "cut": ("multipart/form-data; boundary=B", field("model", "m") + file(SOUND * 40), 400, "body"),
    "cut short": ("multipart/form-data; boundary=B", field("model", "m") + file(), 400, "body"),
    "a long field": (
        "multipart/form-data; boundary=B",
        field("model", "m") + field("prompt", "x" * (1 << 20)),
        413,
        "prompt",
    ),
    "bytes": (
        "multipart/form-data; boundary=B",
        b'--B\r\nContent-Disposition: form-data; name="file"\r\n\r\n\xff\xfe\r\n' + END,
        400,
        "file",
    ),
    "two names": (
        "multipart/form-data; boundary=B",
        b'--B\r\nContent-Disposition: form-data; name="file"; name="model"\r\n\r\nx\r\n' + END,
        400,
        "body",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_form_that_is_wrong_is_named(bench: Bench, case: str) -> None:
    kind, body, status, param = BAD[case]
    answer = bench.ask("POST", TRANSCRIPTIONS, body, {"content-type": kind})
    error(answer, status, "request_too_large" if status == 413 else "invalid_request", param)
    record = bench.record(answer.header("x-request-id"))
    assert (record["status"], record["endpoint"]) == (status, "audio/transcriptions")


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_a_body_that_breaks_off_is_no_upstreams_fault(bench: Bench, *, chunked: bool) -> None:
    """The caller leaves in the middle of the file: the upstream never sees a whole request."""
    body = field("model", "m") + file(SOUND * 40)
    framing = b"transfer-encoding: chunked" if chunked else b"content-length: 10000000"
    data = b"%x\r\n%s\r\n" % (len(body), body) if chunked else body
    head = b"POST %s HTTP/1.1\r\nhost: g\r\nauthorization: Bearer %s\r\ncontent-type: %s\r\n%s\r\n\r\n"
    with bench.gateway.connect() as wire:
        wire.send(head % (TRANSCRIPTIONS.encode(), KEY.encode(), FORM["content-type"].encode(), framing), data)
        wire.finish()
        wire.rest()
    assert bench.upstream.requests == []


def test_an_upload_over_the_limit(bench: Bench) -> None:
    declared = bench.ask("POST", TRANSCRIPTIONS, b"", {**FORM, "content-length": str(65 << 20)})
    assert "max_upload" in error(declared, 413, "request_too_large", "body")
    piece = b"%x\r\n%s\r\n" % (1 << 20, bytes(1 << 20))
    head = b"POST %s HTTP/1.1\r\nhost: g\r\nauthorization: Bearer %s\r\ncontent-type: %s\r\n"
    head += b"transfer-encoding: chunked\r\n\r\n"
    start = field("model", "m") + file()[:-2]
    with bench.gateway.connect() as wire:
        wire.send(head % (TRANSCRIPTIONS.encode(), KEY.encode(), FORM["content-type"].encode()))
        wire.send(b"%x\r\n%s\r\n" % (len(start), start), *[piece] * 65)
        error(wire.answer(), 413, "request_too_large", "body")


def test_rights(bench: Bench) -> None:
    body = field("model", "m") + file() + END
    error(bench.ask("POST", TRANSCRIPTIONS, body, FORM, key=KEYS["images"]), 403, "model_not_allowed", "model")
    error(bench.ask("POST", TRANSCRIPTIONS, body, FORM, key="wrong-key-wrong-key"), 401, "invalid_api_key")
    error(bench.ask("POST", TRANSCRIPTIONS, body.replace(b"\r\nm\r\n", b"\r\nnone\r\n"), FORM), 404, "model_not_found")
    assert bench.upstream.requests == []


class Drain:
    """An upstream that reads what it is sent, keeps none of it, and answers."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.drained = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                taken, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(taken,), daemon=True).start()

    def _serve(self, taken: socket.socket) -> None:
        with taken:
            inbox = b""
            while b"\r\n\r\n" not in inbox:
                inbox += taken.recv(1 << 16)
            head, _, begun = inbox.partition(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            got = len(begun)
            while got < length and (data := taken.recv(1 << 18)):
                got += len(data)
            self.drained += got
            body = json.dumps(HEARD).encode()
            taken.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n")
            taken.sendall(b"content-length: %d\r\n\r\n%s" % (len(body), body))

    def stop(self) -> None:
        self._listener.close()


@pytest.fixture
def drain() -> Iterator[Drain]:
    made = Drain()
    yield made
    made.stop()


@pytest.mark.parametrize("first", ["model", "file"])
def test_the_memory_of_a_large_upload_is_flat(
    drain: Drain, tmp_path_factory: pytest.TempPathFactory, first: str
) -> None:
    """200 MB of one file, in front of the model and behind it: the process grows by less than 32 MiB."""
    piece, pieces = bytes(1 << 20), 200
    begin = field("model", "m") + file()[:-2] if first == "model" else file()[:-2]
    end = b"\r\n" + END if first == "model" else b"\r\n" + field("model", "m") + END
    length = len(begin) + len(piece) * pieces + len(end)
    text = minimal(f"http://127.0.0.1:{drain.port}", server={"max_upload": "256MiB"})
    with RunningGateway(text, tmp_path_factory.mktemp("flat")) as gateway:
        head = f"POST {TRANSCRIPTIONS} HTTP/1.1\r\nhost: g\r\nauthorization: Bearer {gateway.key}\r\n"
        head += f"content-type: {FORM['content-type']}\r\ncontent-length: {length}\r\n\r\n"
        most = 0
        with gateway.connect() as wire:
            wire.send(head.encode(), begin)
            before = gateway.rss()
            for number in range(pieces):
                wire.send(piece)
                if number % 10 == 9:
                    most = max(most, gateway.rss())
            wire.send(end)
            answer = wire.answer()
        most = max(most, gateway.rss())
    assert answer.status == 200, answer.body
    assert drain.drained > len(piece) * pieces
    assert most - before < 32 << 20, f"{(most - before) >> 20} MiB"


def test_a_form_cannot_wait_for_a_callback(bench: Bench) -> None:
    body = field("model", "m") + file() + END
    answer = bench.ask("POST", TRANSCRIPTIONS, body, {**FORM, "x-tollway-callback": "poll"})
    error(answer, 400, "invalid_request", "x-tollway-callback")
