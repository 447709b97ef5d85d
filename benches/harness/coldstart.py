"""The cold start: from the start of the program to the end of its first answer."""

from __future__ import annotations

import http.client
import json
import time
from contextlib import closing, suppress
from urllib.parse import urlsplit

from benches.harness import render
from benches.harness.measure import Bench, Outcome, Round
from benches.harness.process import PATIENCE, StartError
from benches.harness.scenario import Scenario
from benches.harness.subject import Stage


def measure(scenario: Scenario, bench: Bench) -> Outcome:
    """Every round: each subject is started, asked as soon as it listens, and ended."""
    outcome = Outcome()
    with Stage(bench.tools, bench.folder, bench.files) as stage:
        upstream = stage.upstream(scenario.upstream)
        for number in range(scenario.rounds):
            measured: Round = {}
            for name in scenario.subjects:
                bench.say(f"{scenario.name}: round {number + 1} of {scenario.rounds}, {name}")
                try:
                    measured[name] = {"first_answer_s": _start(name, scenario, bench, upstream)}
                except StartError as error:
                    outcome.problems[name] = str(error)
            outcome.rounds.append(measured)
    return outcome


def _start(name: str, scenario: Scenario, bench: Bench, upstream: int) -> float:
    with Stage(bench.tools, bench.folder, bench.files) as stage:
        start = time.monotonic()
        running = stage.launch(name, scenario, upstream, bench.executables.get(name))
        while not _answers(running.url):
            if time.monotonic() - start > PATIENCE:
                said = running.program.output() if running.program else ""
                raise StartError(f"{name} gave no answer in {PATIENCE:.0f} s; it said:\n{said}")
            time.sleep(0.001)
        return time.monotonic() - start


def _answers(url: str) -> bool:
    parts = urlsplit(url)
    body = {"model": render.numbered(render.ROUTE, 0), "messages": [{"role": "user", "content": "Hello"}]}
    headers = {"authorization": f"Bearer {render.numbered(render.KEY, 0)}", "content-type": "application/json"}
    # Until it listens, connections are refused; until it serves, it may say so.
    with (
        suppress(OSError, http.client.HTTPException),
        closing(http.client.HTTPConnection(parts.netloc, timeout=PATIENCE)) as connection,
    ):
        connection.request("POST", parts.path, json.dumps(body), headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status == http.HTTPStatus.OK
    return False
