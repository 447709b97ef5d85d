"""`/admin/v1/tail`: pages as JSON, and the same as a stream of events."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator

import httpx
import pytest

from tests.admin.conftest import Plane
from tests.admin.control_server import RECORD
from tests.admin.test_keys import error
from tests.support.waiting import eventually
from tollway.admin.requests import MOST_TAILS

EVENTS = {"accept": "text/event-stream"}


def test_a_page(plane: Plane, client: httpx.Client) -> None:
    page = client.get("/admin/v1/tail", params={"after": "3", "team": "t", "status.gte": "400", "limit": "5"})
    assert page.json() == {"data": [{**RECORD, "seq": 7}], "next": 7, "missed": 0}
    asked = plane.control.last("tail")["with"]
    assert asked == {"after": 3, "filter": {"team": "t", "status": {"gte": 400}}, "limit": 5}
    client.get("/admin/v1/tail")
    assert plane.control.last("tail")["with"] == {"after": None, "filter": {}, "limit": 100}


def _events(answer: httpx.Response) -> Iterator[dict[str, str]]:
    event: dict[str, str] = {}
    for line in answer.iter_lines():
        if not line and event:
            yield event
            event = {}
        elif line and not line.startswith(":"):
            name, _, value = line.partition(": ")
            event[name] = value


def test_events_go_on_where_the_last_one_was(plane: Plane, client: httpx.Client) -> None:
    with client.stream("GET", "/admin/v1/tail?team=t", headers={**EVENTS, "last-event-id": "6"}) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"
        events = _events(answer)
        first = next(events)
        assert (first["id"], json.loads(first["data"])) == ("7", {**RECORD, "seq": 7})
        page = {"data": [{**RECORD, "seq": 9}], "next": 9, "missed": 1}
        plane.control.answers["tail"] = {"ok": page}
        while (event := next(events)) and "event" not in event:
            pass
        assert event == {"event": "missed", "data": "1"}
        assert next(events)["id"] == "9"
    asked = [asked["with"] for asked in plane.control.asked if asked["call"] == "tail" and asked["with"]["filter"]]
    assert asked[-1]["filter"] == {"team": "t"}
    assert {one["after"] for one in asked} >= {6, 7}


def test_a_stream_outlives_a_data_plane_that_is_away_for_a_moment(plane: Plane, client: httpx.Client) -> None:
    with client.stream("GET", "/admin/v1/tail", headers=EVENTS) as answer:
        events = _events(answer)
        next(events)
        plane.control.stop()
        plane.control.answers["tail"] = {"ok": {"data": [{**RECORD, "seq": 8}], "next": 8, "missed": 0}}
        plane.control.start()
        while next(events)["id"] != "8":
            pass


def test_a_query_that_is_wrong_and_a_data_plane_that_is_away_are_refused_as_ever(
    plane: Plane, client: httpx.Client
) -> None:
    assert error(client.get("/admin/v1/tail?teem=a", headers=EVENTS)) == (422, "invalid", "teem")
    plane.control.stop()
    try:
        assert error(client.get("/admin/v1/tail", headers=EVENTS)) == (503, "data_plane_away", None)
    finally:
        plane.control.start()


def test_streams_are_bounded_and_are_given_back(own_plane: Plane) -> None:
    with own_plane.client() as client:
        with contextlib.ExitStack() as streams:
            # A generator that is let go closes its stream.
            kept = []
            for _ in range(MOST_TAILS):
                kept.append(_events(streams.enter_context(client.stream("GET", "/admin/v1/tail", headers=EVENTS))))
                assert next(kept[-1])["id"] == "7"
            refused = client.get("/admin/v1/tail", headers=EVENTS)
            assert error(refused)[:2] == (503, "too_many_tails")
        eventually(lambda: _status(client) == 200, "a stream is given back")


def _status(client: httpx.Client) -> int:
    with client.stream("GET", "/admin/v1/tail", headers=EVENTS) as answer:
        return answer.status_code


@pytest.mark.parametrize("ended_by", ["input", "SIGTERM"])
def test_an_open_stream_does_not_keep_the_process(own_plane: Plane, ended_by: str) -> None:
    with own_plane.client() as client, client.stream("GET", "/admin/v1/tail", headers=EVENTS) as answer:
        events = _events(answer)
        next(events)
        if ended_by == "SIGTERM":
            own_plane.process.terminate()
            assert own_plane.process.wait(10) == 0
        else:
            assert own_plane.end()[0] == 0
