"""What dies, and when: every job that was accepted is done, and none is lost."""

from __future__ import annotations

import signal
from pathlib import Path

from tests.conftest import StartUpstream
from tests.jobs.office import ENVIRONMENT, SECRET, call, configuration, ended, in_state, look, signed, submit
from tests.support.gateway import RunningGateway
from tests.support.postgres import Postgres
from tests.support.reply import Gate, Raw, Reply, completion, whole
from tests.support.upstream import ScriptedUpstream, wait_gone
from tests.support.waiting import eventually


def waits(gate: Gate) -> Reply:
    return Reply(body=(gate, completion()))


def serve(folder: Path, text: str) -> RunningGateway:
    folder.mkdir(exist_ok=True)
    return RunningGateway(text, folder, **ENVIRONMENT)


def test_a_gateway_that_is_killed_at_work_does_it_again(tmp_path: Path, upstream: ScriptedUpstream, store: str) -> None:
    text = configuration(upstream.url, store={"url": store}, jobs={"concurrency": 1})
    upstream.script(waits(Gate()))
    gateway = serve(tmp_path, text)
    running, queued = submit(gateway), submit(gateway)
    upstream.take()
    gateway.kill()
    with serve(tmp_path, text) as gateway:
        again, first = ended(gateway, running), ended(gateway, queued)
        assert (again["status"], again["attempt"]) == ("succeeded", 2)
        assert (first["status"], first["attempt"]) == ("succeeded", 1)
        assert again["request_id"] == running["request_id"]
        assert "attempt:2" in again["result"]["headers"]["x-tollway-flags"]
        assert len(upstream.requests) == 3


def test_a_gateway_that_is_killed_before_the_post_posts_what_there_is(
    tmp_path: Path, upstream: ScriptedUpstream, start_upstream: StartUpstream, store: str
) -> None:
    receiver = start_upstream()
    text = configuration(upstream.url, [receiver.url], store={"url": store})
    receiver.script(Raw((Gate(), *whole(b"{}").wire())))
    gateway = serve(tmp_path, text)
    job = submit(gateway, receiver.url)
    first = receiver.take()
    gateway.kill()
    with serve(tmp_path, text) as gateway:
        second = receiver.take(30)
        assert signed(second, SECRET)
        assert first.header("x-tollway-delivery") == second.header("x-tollway-delivery") == job["id"]
        found = ended(gateway, job)
        assert (found["status"], found["attempt"], found["callback"]["attempts"]) == ("succeeded", 1, 2)
        assert len(upstream.requests) == 1, "it was not done again"


def refused(gateway: RunningGateway) -> bool:
    """Whether nobody can connect any more."""
    try:
        gateway.connect().close()
    except OSError:
        return True
    return False


def test_a_drained_gateway_finishes_what_it_does(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    text = configuration(upstream.url, server={"drain": "30s"}, jobs={"concurrency": 1})
    gate = Gate()
    upstream.script(waits(gate))
    gateway = serve(tmp_path, text)
    running, queued = submit(gateway), submit(gateway)
    upstream.take()
    gateway.process.send_signal(signal.SIGTERM)
    # It is printed before it begins: only closed listeners tell that no job is begun any more.
    eventually(lambda: refused(gateway), "it drains")
    gate.open()
    assert gateway.stop() == 0
    assert len(upstream.requests) == 1, "nothing more was begun"
    with serve(tmp_path, text) as gateway:
        assert look(gateway, running)["status"] == "succeeded"
        assert ended(gateway, queued)["attempt"] == 1


def test_what_a_drained_gateway_does_not_finish_is_left(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    text = configuration(upstream.url, server={"drain": "100ms"})
    upstream.script(waits(Gate()))
    gateway = serve(tmp_path, text)
    job = submit(gateway)
    sent = upstream.take()
    gateway.stop()
    wait_gone(sent)
    with serve(tmp_path, text) as gateway:
        found = ended(gateway, job)
        assert (found["status"], found["attempt"]) == ("succeeded", 2)


def test_gateways_share_their_jobs(tmp_path: Path, upstream: ScriptedUpstream, postgres: Postgres) -> None:
    text = configuration(upstream.url, store={"url": postgres.url})
    upstream.script(waits(Gate()), waits(Gate()))
    with serve(tmp_path / "b", text) as other:
        one = serve(tmp_path / "a", text)
        lost, given_up = submit(one), submit(one)
        sent = [upstream.take(), upstream.take()]
        for job in (lost, given_up):
            assert look(other, job)["status"] == "running"
        # Given up at the one, it ends at the other; and what a dead one had, the other takes once its time is over.
        assert call(other, "DELETE", f"/v1/jobs/{given_up['id']}").status == 200
        eventually(lambda: any(received.gone.is_set() for received in sent), "it ends where it runs", 30)
        one.kill()
        found = ended(other, lost, within=90)
        assert (found["status"], found["attempt"]) == ("succeeded", 2)
        assert look(other, given_up)["status"] == "cancelled"


def test_no_job_is_promised_while_the_store_is_away(
    tmp_path: Path, upstream: ScriptedUpstream, postgres: Postgres
) -> None:
    gate = Gate()
    upstream.script(waits(gate))
    with serve(tmp_path, configuration(upstream.url, store={"url": postgres.url})) as gateway:
        job = submit(gateway)
        upstream.take()
        postgres.stop()
        try:
            refused = gateway.chat(None, ("x-tollway-callback", "poll"))
            told = refused.json()
            assert isinstance(told, dict)
            assert (refused.status, told["error"]["code"]) == (503, "store_unavailable")
            assert refused.header("retry-after") is not None
            assert call(gateway, "GET", f"/v1/jobs/{job['id']}").status == 503
            assert gateway.chat().status == 200, "who waits is served"
            gate.open()
        finally:
            postgres.start()
        in_state(gateway, job, "succeeded")
        assert ended(gateway, job)["attempt"] == 1, "its answer was kept in memory"


def test_what_has_ended_is_forgotten(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    with serve(tmp_path, configuration(upstream.url, jobs={"retain": "1ms"})) as gateway:
        job = submit(gateway)
        eventually(lambda: call(gateway, "GET", f"/v1/jobs/{job['id']}").status == 404, "it is forgotten", 90)
        assert gateway.admin.get("/admin/v1/jobs").json()["data"] == []
