"""Where answers are posted, and where never; what is signed, tried again, and given up."""

from __future__ import annotations

import pytest

from tests.conftest import Authority, StartGateway, StartUpstream
from tests.jobs.office import (
    ENVIRONMENT,
    OTHER_KEY,
    SECRET,
    call,
    configuration,
    derived,
    ended,
    in_state,
    look,
    signed,
    submit,
)
from tests.support.gateway import KEY
from tests.support.reply import Gate, Raw, Reply, whole
from tests.support.upstream import ScriptedUpstream
from tests.support.waiting import eventually


@pytest.fixture
def receiver(start_upstream: StartUpstream) -> ScriptedUpstream:
    """Who is posted to."""
    return start_upstream()


def test_an_answer_is_posted_signed(
    start_gateway: StartGateway, upstream: ScriptedUpstream, receiver: ScriptedUpstream
) -> None:
    gateway = start_gateway(configuration(upstream.url, [f"{receiver.url}/hooks"]), **ENVIRONMENT)
    callback = f"{receiver.url}/hooks/jobs?team=a"
    job = submit(gateway, callback)
    assert job["callback"] == {"url": callback, "attempts": 0, "error": None}
    posted = receiver.take()
    assert (posted.method, posted.target) == ("POST", "/hooks/jobs?team=a")
    assert signed(posted, SECRET)
    assert not signed(posted, SECRET + "x")
    assert (posted.header("x-tollway-event"), posted.header("x-tollway-delivery")) == ("job.succeeded", job["id"])
    assert posted.header("content-type") == "application/json"
    assert posted.header("authorization") is None
    found = ended(gateway, job)
    told = posted.json()
    assert isinstance(told, dict)
    assert told == found
    assert (found["status"], found["callback"]["attempts"], found["result"]["status"]) == ("succeeded", 1, 200)
    # A key without a secret of its own signs with one that no other key's receiver knows.
    submit(gateway, callback, key=OTHER_KEY)
    other = receiver.take()
    assert signed(other, derived("other"))
    assert not signed(other, SECRET)


def test_it_goes_over_tls_to_who_is_trusted(
    start_gateway: StartGateway, start_upstream: StartUpstream, upstream: ScriptedUpstream, authority: Authority
) -> None:
    receiver = start_upstream(authority.server())
    text = configuration(upstream.url, [receiver.url], jobs={"ca": str(authority.pem)})
    gateway = start_gateway(text, **ENVIRONMENT)
    job = submit(gateway, f"{receiver.url}/x")
    assert signed(receiver.take(), SECRET)
    assert ended(gateway, job)["status"] == "succeeded"
    strange = start_gateway(configuration(upstream.url, [receiver.url], jobs={"callback_attempts": 1}), **ENVIRONMENT)
    refused = ended(strange, submit(strange, f"{receiver.url}/x"))
    assert refused["status"] == "callback_failed"
    assert "TLS" in refused["callback"]["error"]
    assert len(receiver.requests) == 1


def test_a_failed_job_is_told_too(
    start_gateway: StartGateway, upstream: ScriptedUpstream, receiver: ScriptedUpstream
) -> None:
    upstream.script(whole(b"{}", 500))
    gateway = start_gateway(configuration(upstream.url, [receiver.url]), **ENVIRONMENT)
    job = submit(gateway, receiver.url)
    assert receiver.take().header("x-tollway-event") == "job.failed"
    assert ended(gateway, job)["status"] == "failed"


@pytest.mark.parametrize(
    ("listed", "asked"),
    [
        ("https://hooks.example.com/a", "https://hooks.example.com/ab"),
        ("https://hooks.example.com/a", "https://hooks.example.com:8443/a"),
        ("https://hooks.example.com/a", "https://hooks.example.com.evil.example/a"),
        ("https://hooks.example.com/a", "http://hooks.example.com/a"),
        # Listed for the key, but no operator has said that what is private may be spoken to.
        ("https://10.0.0.1/", "https://10.0.0.1/"),
        ("https://169.254.169.254/", "https://169.254.169.254/latest"),
        ("https://[::ffff:10.0.0.1]/", "https://[::ffff:10.0.0.1]/"),
    ],
)
def test_what_is_not_allowed_is_refused_at_once(
    start_gateway: StartGateway, upstream: ScriptedUpstream, listed: str, asked: str
) -> None:
    gateway = start_gateway(configuration(upstream.url, [listed]), **ENVIRONMENT)
    refused = gateway.chat(None, ("x-tollway-callback", asked))
    told = refused.json()
    assert isinstance(told, dict)
    assert (refused.status, told["error"]["code"]) == (403, "callback_not_allowed")
    assert told["error"]["param"] == "x-tollway-callback"


def test_a_name_that_leads_to_this_machine_is_refused(
    start_gateway: StartGateway, start_upstream: StartUpstream, upstream: ScriptedUpstream, authority: Authority
) -> None:
    receiver = start_upstream(authority.server())
    text = configuration(upstream.url, [receiver.url], jobs={"private_hosts": [], "ca": str(authority.pem)})
    gateway = start_gateway(text, **ENVIRONMENT)
    assert gateway.chat(None, ("x-tollway-callback", receiver.url)).status == 403
    assert receiver.accepted == 0


def test_a_redirect_is_not_followed(
    start_gateway: StartGateway, start_upstream: StartUpstream, upstream: ScriptedUpstream, receiver: ScriptedUpstream
) -> None:
    elsewhere = start_upstream()
    receiver.script(Reply(307, (("location", f"{elsewhere.url}/"),)))
    gateway = start_gateway(configuration(upstream.url, [receiver.url, elsewhere.url]), **ENVIRONMENT)
    job = submit(gateway, receiver.url)
    found = ended(gateway, job)
    assert (found["status"], found["callback"]["attempts"]) == ("callback_failed", 1)
    assert "redirect" in found["callback"]["error"]
    assert found["result"]["status"] == 200, "its answer can still be polled"
    assert not elsewhere.requests

    def alert() -> object:
        return gateway.admin.get("/admin/v1/alerts", params={"kind": "callback_failed"}).json()["data"]

    alerts = eventually(alert, "the operator is told")
    assert isinstance(alerts, list)
    assert (alerts[0]["subject"], job["id"] in alerts[0]["message"]) == ("test", True)


def test_a_receiver_that_fails_is_tried_again(
    start_gateway: StartGateway, upstream: ScriptedUpstream, receiver: ScriptedUpstream
) -> None:
    receiver.script(whole(b"", 503), whole(b"", 429))
    gateway = start_gateway(configuration(upstream.url, [receiver.url]), **ENVIRONMENT)
    job = submit(gateway, receiver.url)
    found = ended(gateway, job)
    assert (found["status"], found["callback"]) == (
        "succeeded",
        {"url": receiver.url, "attempts": 3, "error": None},
    )
    posts = [receiver.take() for _ in range(3)]
    assert all(signed(posted, SECRET) for posted in posts), "each try is signed anew"
    assert {posted.header("x-tollway-delivery") for posted in posts} == {job["id"]}
    assert len(upstream.requests) == 1


def test_a_receiver_that_was_down_gets_it_when_it_is_up(
    start_gateway: StartGateway, start_upstream: StartUpstream, upstream: ScriptedUpstream
) -> None:
    with ScriptedUpstream() as away:
        at, url = ("127.0.0.1", away.port), away.url
    text = configuration(upstream.url, [url], jobs={"callback_pause": "500ms", "callback_attempts": 20})
    gateway = start_gateway(text, **ENVIRONMENT)
    job = submit(gateway, url)
    failed = eventually(lambda: look(gateway, job)["callback"]["error"], "the first post has failed", 30)
    assert "refused" in failed
    back = start_upstream(at=at)
    assert signed(back.take(30), SECRET)
    assert ended(gateway, job)["status"] == "succeeded"


def test_posts_are_given_up_after_so_many(
    start_gateway: StartGateway, upstream: ScriptedUpstream, receiver: ScriptedUpstream
) -> None:
    receiver.otherwise = whole(b"", 500)
    text = configuration(upstream.url, [receiver.url], jobs={"callback_attempts": 2})
    gateway = start_gateway(text, **ENVIRONMENT)
    found = ended(gateway, submit(gateway, receiver.url))
    assert (found["status"], found["callback"]["error"]) == ("callback_failed", "status 500")
    assert len(receiver.requests) == 2


def test_what_the_key_may_do_now_counts(
    start_gateway: StartGateway, upstream: ScriptedUpstream, receiver: ScriptedUpstream
) -> None:
    gate = Gate()
    upstream.script(Reply(body=(gate, b"{}")))
    gateway = start_gateway(configuration(upstream.url, [receiver.url]), **ENVIRONMENT)
    job = submit(gateway, receiver.url)
    upstream.take()
    gateway.reload(configuration(upstream.url, []))
    gate.open()
    in_state(gateway, job, "callback_failed")
    assert not receiver.requests


def test_a_job_is_given_up_while_it_is_posted(
    start_gateway: StartGateway, upstream: ScriptedUpstream, receiver: ScriptedUpstream
) -> None:
    receiver.script(Raw((Gate(), *whole(b"{}").wire())))
    gateway = start_gateway(configuration(upstream.url, [receiver.url]), **ENVIRONMENT)
    job = submit(gateway, receiver.url)
    posted = receiver.take()
    assert call(gateway, "DELETE", f"/v1/jobs/{job['id']}", KEY).status == 200
    assert posted.gone.wait(30)
    assert ended(gateway, job)["status"] == "cancelled"
