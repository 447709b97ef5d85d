"""The harness of the load benches: what it works out, renders and refuses. It times nothing here."""

from __future__ import annotations

import json
import os
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from benches.harness import build, compare, gate, load, measure, memory, options, proc, render, report, run, scenario
from benches.harness.expression import ExpressionError, MissingError, evaluate, names
from benches.harness.measure import Outcome, Round
from benches.harness.scenario import Row, Scenario, ScenarioError, Subject
from benches.harness.subject import Running
from tollway.config import api as config
from tollway.policy.load import HookRegistry

ROOT = Path(__file__).resolve().parents[2]

MEASURED = {"nginx": {"cpu_us": 14.0, "p50": 100.0}, "direct": {"p50": 60.0}}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1.8 * nginx.cpu_us", 25.2),
        ("nginx.p50 - direct.p50 + 40", 80.0),
        ("(nginx.p50 - direct.p50) / 2", 20.0),
        ("-3 + 130", 127.0),
        ("30000", 30000.0),
    ],
)
def test_expressions_are_arithmetic_over_what_was_measured(text: str, value: float) -> None:
    assert evaluate(text, MEASURED) == pytest.approx(value)


@pytest.mark.parametrize(
    "text", ["", "1 +", "nginx", "open('x')", "nginx.p50 ** 2", "nginx['p50']", "'a'", "True", "a.b.c"]
)
def test_expressions_are_nothing_else(text: str) -> None:
    with pytest.raises(ExpressionError):
        evaluate(text, MEASURED)


def test_what_was_not_measured_is_named() -> None:
    with pytest.raises(MissingError, match=r"tollway\.p50"):
        evaluate("tollway.p50 - direct.p50", MEASURED)
    assert names("1 / (tollway.p50 - direct.p50)") == {("tollway", "p50"), ("direct", "p50")}


def row(**changes: object) -> Row:
    plain = Row("CPU", "tollway.cpu_us", compare="nginx.cpu_us", must="2 * nginx.cpu_us", aim="1.5 * nginx.cpu_us")
    return replace(plain, **changes)  # type: ignore[arg-type]


def rounds(*pairs: tuple[float, float]) -> list[Round]:
    return [{"nginx": {"cpu_us": nginx}, "tollway": {"cpu_us": tollway}} for nginx, tollway in pairs]


def test_a_ratio_is_of_one_round_and_the_median_counts() -> None:
    # Across rounds the ratio of the medians would be 20 / 20: each limit belongs to its own round.
    line = report.line(row(), rounds((10, 20), (20, 60), (30, 15)))
    assert line.ratio == 2.0
    assert line.measured == 20.0
    assert line.verdict == "pass"


@pytest.mark.parametrize(("tollway", "verdict"), [(15, "aim"), (16, "pass"), (20, "pass"), (21, "FAIL")])
def test_limits_include_their_value(tollway: float, verdict: str) -> None:
    assert report.line(row(), rounds((10, tollway))).verdict == verdict


@pytest.mark.parametrize(("tollway", "verdict"), [(5, "FAIL"), (6, "pass"), (8, "aim")])
def test_more_may_be_better(tollway: float, verdict: str) -> None:
    upward = row(must="0.6 * nginx.cpu_us", aim="0.8 * nginx.cpu_us", better="higher")
    assert report.line(upward, rounds((10, tollway))).verdict == verdict


def test_a_row_without_a_limit_or_a_subject_has_no_verdict() -> None:
    assert report.line(row(must=None, aim=None), rounds((1, 2))).verdict == "-"
    assert report.line(row(), [{"nginx": {"cpu_us": 1.0}}]).verdict == "missing"
    assert report.line(row(), []).verdict == "missing"


def test_who_disturbs_is_told() -> None:
    calm, busy = ({"foreign": share, "stolen": share / 10} for share in (0.01, 0.6))
    assert report.notes(Outcome([{"nginx": calm}])) == []
    said = "\n".join(report.notes(Outcome([{"nginx": calm, "tollway": busy}], {"tollway": "requests failed"})))
    assert "60%" in said
    assert "hypervisor took up to 6%" in said
    assert "tollway: requests failed" in said


def a_scenario(**changes: object) -> Scenario:
    plain = Scenario("closed", "64 connections", (row(),), subjects=scenario.USUAL)
    return replace(plain, **changes)  # type: ignore[arg-type]


def test_the_table_and_the_document_say_the_same() -> None:
    outcome = Outcome(rounds((10, 21)))
    text = report.table(a_scenario(), outcome)
    assert "2.10 x" in text
    assert "FAIL" in text
    document = json.loads(json.dumps(report.document({"closed": (a_scenario(), outcome)}, ["run.py"])))
    assert document["scenarios"]["closed"]["rows"][0]["verdict"] == "FAIL"
    assert document["machine"]["cores"] == os.cpu_count()


def test_a_failed_must_or_request_fails_the_run() -> None:
    assert run.status({"closed": (a_scenario(), Outcome(rounds((10, 15))))}) == 0
    assert run.status({"closed": (a_scenario(), Outcome(rounds((10, 21))))}) == 1
    assert run.status({"closed": (a_scenario(), Outcome(rounds((10, 15)), {"nginx": "requests failed"}))}) == 1


SMALL = """
[scenarios.closed]
title = "64 connections"
rows = [{ name = "CPU", value = "tollway.cpu_us" }]
[gate]
scenarios = ["closed"]
rounds = 3
seconds = 1
confidence = 0.95
cpu = 1.03
p50 = 1.05
instructions = 1.01
"""


def test_scenarios_have_defaults() -> None:
    scenarios, limits = scenario.parse(SMALL)
    assert set(scenarios["closed"].subjects) == {"nginx", "tollway", "direct"}
    assert limits.scenarios == ("closed",)


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("title", "titel", "titel"),
        ("tollway.cpu_us", "tolway.cpu_us", "tolway"),
        ("tollway.cpu_us", "tollway.cpu_us +", "CPU"),
        ('["closed"]', '["open"]', "open"),
        ("title", "load = { conections = 1 }\ntitle", "conections"),
        ("rounds", "round", "round"),
        ("[gate]", "[gates]", "gates"),
        ("[gate]", "[gate", "line"),
    ],
)
def test_scenarios_that_cannot_be_meant_are_refused(old: str, new: str, named: str) -> None:
    with pytest.raises(ScenarioError, match=named):
        scenario.parse(SMALL.replace(old, new))


def test_the_scenarios_of_this_repository_are_sound() -> None:
    scenarios, limits = scenario.load()
    assert all(one.rows for one in scenarios.values())
    assert all("tollway" in scenarios[name].subjects and scenarios[name].kind == "load" for name in limits.scenarios)


def test_the_command_line_changes_scenarios() -> None:
    chosen = run.parse(["--quick", "--rounds", "2", "--subjects", "nginx,direct", "--scenario", "closed"])
    (one,) = run.wanted(chosen)
    assert (one.rounds, one.seconds, set(one.subjects)) == (2, 1.0, {"nginx", "direct"})
    with pytest.raises(ScenarioError, match="there are: closed"):
        options.named({"closed": one}, "clsed")


@pytest.mark.parametrize(
    "subject",
    [
        Subject("tollway"),
        Subject("tollway", keys=3, routes=4, used=3),
        Subject("tollway", guardrail=True),
        Subject("tollway", hook="bench_hook:check", hook_threads=64),
        Subject("tollway", hook="bench_hook:check_async"),
        Subject("tollway", dead=True),
    ],
)
def test_tollway_accepts_the_configuration(subject: Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in render.HIDDEN.items():
        monkeypatch.setenv(name, value)
    monkeypatch.syspath_prepend(str(ROOT / "benches/hooks"))
    file = tmp_path / "tollway.toml"
    file.write_text(render.tollway(subject, 8080, 8081, 9000))
    built = config.build(file, resolve_hook=HookRegistry().resolve)
    assert built.workers == 1
    assert len(built.config.routes) == subject.routes
    assert len(built.config.keys) == subject.keys
    route = built.config.routes[render.numbered(render.ROUTE, 0)]
    assert len(route.guardrails) == subject.guardrail
    assert len(route.targets or ()) == (2 if subject.dead else 0)
    assert [hook.call for hook in route.hooks] == ([subject.hook] if subject.hook else [])


def test_nginx_does_not_hold_streams_back(tmp_path: Path) -> None:
    proxy = render.Proxy(tmp_path, 8080, 9000, stream=True, files=20_000, root=True)
    text = render.nginx(proxy)
    assert "proxy_buffering off;" in text
    assert "user root;" in text
    assert "listen 127.0.0.1:8080" in text
    assert "server 127.0.0.1:9000;" in text
    whole = render.nginx(replace(proxy, stream=False, root=False))
    assert "proxy_buffering on;" in whole
    assert "user" not in whole
    assert whole.count("{") == whole.count("}")


def test_the_generator_is_told_everything_that_must_come_back() -> None:
    one = scenario.load()[0]["paced"]
    told = load.target(Running("tollway", 8080, 10), one.load, one.upstream)
    assert "--stream" in told
    assert "--chunks=64" in told
    assert "--variants=10" in told
    assert "--url=http://127.0.0.1:8080/v1/chat/completions" in told
    assert load.pace(one.load, 2.5, 0.1) == ["open", "--rate=300", "--duration=2500ms", "--warm-up=100ms"]


def test_a_report_becomes_metrics() -> None:
    quantiles = dict.fromkeys(load.QUANTILES, 1)
    text = {"requests": 5, "answers": 5.5, "rps": 2.5, "seconds": 2, "reconnects": 0, "errors": {"status-503": 1}}
    result = load.read({**text, "latency_us": quantiles, "first_chunk_us": quantiles, "late_us": None})
    assert result.answers == 5.5
    assert result.metrics["first_p50"] == 1
    assert "late_p50" not in result.metrics
    assert result.errors == {"status-503": 1}


def test_streams_fit_into_the_open_files() -> None:
    assert memory.fitting(10_000, 1_000_000) == 10_000
    assert memory.fitting(10_000, 20_000) == 9_900
    assert memory.fitting(10_000, 100) == 1


def test_processes_are_seen_with_their_threads_and_memory() -> None:
    own = os.getpid()
    assert own in proc.tree(os.getppid())
    tasks = list(proc.threads([own]))
    before = proc.times(tasks)
    assert own in before
    sum(range(1_000_000))
    assert proc.between(before, proc.times(tasks)) > 0
    assert proc.pss([own]) > 1_000_000
    assert list(proc.threads([own], lambda name: name == "no thread has this name")) == []


def test_new_threads_count_from_nothing() -> None:
    assert proc.between({1: 100}, {1: 150, 2: 30}) == 80


def test_a_regression_is_beyond_the_limit_and_beyond_doubt() -> None:
    def verdict(ratios: list[float]) -> str:
        return compare.compare("CPU", ratios, 1.03, 0.95).verdict

    assert verdict([1.06, 1.05, 1.07, 1.06, 1.05, 1.06, 1.07]) == "REGRESSION"
    assert verdict([0.80, 1.05, 1.30, 0.70, 1.06, 1.40, 0.90, 1.10]) == "unclear"
    assert verdict([1.01, 0.99, 1.02, 1.00, 0.98]) == "ok"
    assert verdict([0.90, 0.91, 0.89, 0.92, 0.90]) == "faster"


def test_few_rounds_prove_nothing() -> None:
    assert compare.compare("CPU", [1.2] * 4, 1.03, 0.95).verdict == "unclear"
    assert compare.compare("CPU", [0.8] * 4, 1.03, 0.95).verdict == "ok"
    assert compare.compare("CPU", [1.2] * 5, 1.03, 0.95).verdict == "REGRESSION"


def test_the_interval_is_around_the_median_and_the_same_each_time() -> None:
    values = [1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6]
    low, high = compare.interval(values, 0.95)
    assert values[0] <= low < 1.3 < high <= values[-1]
    assert compare.interval(values, 0.95) == (low, high)
    narrow_low, narrow_high = compare.interval(values, 0.5)
    assert narrow_high - narrow_low < high - low
    assert compare.interval([1.0], 0.95) == (1.0, 1.0)


def test_instructions_are_compared_where_both_count_them() -> None:
    found = compare.instructions({"peek": 1000, "gone": 5}, {"peek": 1020, "new": 7}, 1.01)
    assert [(item.name, item.verdict) for item in found] == [("peek, instructions", "REGRESSION")]
    assert compare.instructions({"peek": 1000}, {"peek": 1000}, 1.01)[0].verdict == "ok"
    assert compare.instructions({"peek": 1000}, {"peek": 900}, 1.01)[0].verdict == "faster"


def test_counts_are_read_in_either_form() -> None:
    assert build.counts({"peek": {"bytes": 10, "instructions": 1200.5}, "splice": 7}) == {"peek": 1200.5, "splice": 7.0}


def version(folder: Path, text: str) -> build.Version:
    (folder / "benches").mkdir()
    (folder / "benches/scenarios.toml").write_text(text)
    return build.Version("base", folder, folder, folder)


def test_the_gate_skips_what_the_base_lacks(tmp_path: Path) -> None:
    found = gate.Findings()
    wanted = [a_scenario(), a_scenario(name="new"), a_scenario(name="memory", kind="memory")]
    base = version(tmp_path, "[scenarios.closed]\n[scenarios.memory]\n")
    assert [one.name for one in gate.common(base, wanted, found)] == ["closed"]
    assert found.remarks[0] == "new: skipped, the base commit does not have it"
    assert len(found.remarks) == 2


@pytest.mark.parametrize("text", ["", "[gate]\n", "[scenarios"])
def test_a_base_without_scenarios_has_none(text: str, tmp_path: Path) -> None:
    assert build.scenarios(version(tmp_path, text)) == set()
    assert build.scenarios(build.Version("base", tmp_path / "none", tmp_path, tmp_path)) == set()


def test_the_gate_judges_ratios_of_the_tree_to_the_base() -> None:
    limits = tomllib.loads(SMALL)["gate"]
    one = scenario.Gate(**{**limits, "scenarios": ()})
    found = gate.Findings()
    measured: list[Round] = [{"base": {"cpu_us": 10, "p50": 50}, "tree": {"cpu_us": 11, "p50": 50}}] * 5
    gate.judge_outcome(a_scenario(), Outcome(measured), one, found)
    assert [item.verdict for item in found.comparisons] == ["REGRESSION", "ok"]
    assert found.failed
    assert "REGRESSION" in gate.table(found.comparisons)


def test_a_disturbed_round_is_one_in_which_anybody_was_disturbed() -> None:
    assert not measure.disturbed({})
    assert not measure.disturbed({"nginx": {"foreign": 0.04}, "tollway": {"foreign": 0.05}})
    assert measure.disturbed({"nginx": {"foreign": 0.04}, "tollway": {"foreign": 0.06}})


def test_the_gate_does_not_judge_rounds_in_which_others_were_busy() -> None:
    busy: Round = {"base": {"cpu_us": 10, "p50": 50, "foreign": 0.5}, "tree": {"cpu_us": 20, "p50": 90}}
    calm: Round = {"base": {"cpu_us": 10, "p50": 50, "foreign": 0.01}, "tree": {"cpu_us": 10, "p50": 50}}
    limits = scenario.load()[1]
    found = gate.Findings()
    gate.judge_outcome(a_scenario(), Outcome([busy] * 9 + [calm]), limits, found)
    assert [item.ratio for item in found.comparisons] == [1.0, 1.0]
    assert any("all but 1 rounds" in remark for remark in found.remarks)
    none = gate.Findings()
    gate.judge_outcome(a_scenario(), Outcome([busy] * 9), limits, none)
    assert none.comparisons == []
    assert not none.failed
    assert (found.status, none.status) == (0, 2)


def test_a_broken_tree_fails_the_gate_and_a_broken_base_does_not() -> None:
    one = scenario.load()[1]
    for broken, failed in (("tree", True), ("base", False)):
        found = gate.Findings()
        gate.judge_outcome(a_scenario(), Outcome(problems={broken: "does not start"}), one, found)
        assert found.failed is failed
        assert found.status == (1 if failed else 2)
        assert found.comparisons == []
        assert any("skipped" in remark for remark in found.remarks)
