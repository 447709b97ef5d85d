"""The snapshot: exactly the shape that the data plane takes, with every default and reference settled."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.config.setting import CANARY, pem, resolve_hook
from tollway._dataplane import hash_key
from tollway.adapter import Declared
from tollway.config import api as config

FULL = (Path(__file__).parent / "good" / "full.toml").read_text()
Write = Callable[[str], Path]

DECLARED_QUIRKS = {"drop", "omit", "rename", "rename_text", "values", "only", "set", "headers", "call_ids"}

# The seam, written down a second time on purpose: the data plane refuses unknown fields and missing ones.
SHAPE: dict[str, set[str]] = {
    "outlier": {"factor", "min_latency_ms"},
    "alerts": {"quiet_ms"},
    "jobs": {
        "concurrency", "queue", "max_bytes", "retain_ms", "callback_timeout_ms", "callback_attempts",
        "callback_pause_ms", "private_hosts", "callback_secret", "ca",
    },
    "server": {
        "secret", "max_head", "max_body", "max_upload", "max_connections", "max_streams", "head_timeout_ms",
        "body_timeout_ms", "write_timeout_ms", "tls",
    },
    "providers": {
        "name", "kind", "dialects", "max_tokens", "fetches_urls", "rerank", "answers", "quirks",
        "adapter",
        "base_url", "paths", "auth_header", "auth_prefix", "auth", "api_keys", "headers",
        "region", "tags",
        "ca", "proxy", "http2", "connect_timeout_ms", "max_connections", "max_connection_age_ms",
        "dns_ttl_ms", "mock", "breaker", "health_check",
    },
    "health_check": {"path", "interval_ms", "timeout_ms", "unhealthy"},
    "auth": {"source", "kind", "region", "service"},
    "quirks": {"chat", "other", "embeddings", "count", "ask_usage"},
    "chat": DECLARED_QUIRKS, "other": DECLARED_QUIRKS, "embeddings": DECLARED_QUIRKS, "count": DECLARED_QUIRKS,
    "adapter": {"id", "call", "is_async", "timeout_ms"},
    "prices": {"provider", "model", "price"},
    "price": {"periods"},
    "periods": {"when", "version", "rates", "variants"},
    "variants": {"when", "terms", "rates"},
    "routes": {
        "name", "targets", "choice", "fallbacks", "context_window_fallback", "content_policy_fallback", "degrade",
        "deadline_ms", "hedge", "retry_budget", "shadow", "on_lossy", "hooks", "guardrails", "attachments",
    },
    "attachments": {"max_bytes", "max_count", "types", "urls", "fetch_origins", "fetch_timeout_ms"},
    "targets": {
        "provider", "model", "timeout_ms", "first_token_ms", "idle_ms", "max_retries", "context_window", "supports",
        "tiers", "pin", "on_drift",
    },
    "degrade": {"when", "name", "choice", "max_tokens", "answer"},
    "hedge": {"delay_ms", "quantile", "share"},
    "retry_budget": {"share", "floor"},
    "shadow": {"choice", "share", "max_nano_per_day"},
    "breaker": {"consecutive", "ratio", "window_ms", "min_requests", "cooldown_ms", "max_cooldown_ms", "probes"},
    "task_types": {"name", "when"},
    "hooks": {"id", "call", "on", "is_async", "timeout_ms", "on_failure"},
    "guardrails": {"type", "entities", "on", "action", "restore", "on_failure"},
    "keys": {
        "id", "hash", "organisation", "tenant", "team", "project", "environment", "user", "agent", "priority", "tier",
        "tags", "metadata", "models", "files", "passthrough", "expires", "revoked", "guardrails", "data_policy",
        "callbacks", "callback_secret",
    },
    "scopes": {"kind", "name", "settings"},
    "store": {
        "url", "journal", "journal_max", "on_full", "fsync_ms", "payload_sampling", "retain_requests_days",
        "retain_rollups_days",
    },
    "mock": {"latency_ms", "chunk_gap_ms", "chunks", "error_status", "cut_after"},
    "tls": {"cert", "key", "client_ca"},
    "api_keys": {"value", "weight"},
    "data_policy": {"regions", "require_tags", "classes"},
}  # fmt: skip
NODES = ("choice", "fallbacks", "context_window_fallback", "content_policy_fallback")


FREE = {
    *("headers", "metadata", "settings", "when", "terms", "rates", "paths"),
    *("rename", "rename_text", "values", "only", "set"),
}
"""Tables with names of the operator's own."""

NO_QUIRKS: dict[str, object] = {
    **{key: [] for key in ("drop", "omit")},
    **{key: {} for key in ("rename", "rename_text", "values", "only", "set", "headers")},
    "call_ids": None,
}


def compiled(path: Path) -> dict[str, Any]:
    snapshot = orjson.loads(config.build(path, resolve_hook=resolve_hook).snapshot)
    assert isinstance(snapshot, dict)
    return snapshot


def named(entries: list[dict[str, Any]], name: str) -> dict[str, Any]:
    [found] = [entry for entry in entries if entry.get("name", entry.get("id")) == name]
    return found


def check_shape(value: object, name: str) -> None:
    if isinstance(value, list):
        for entry in value:
            check_shape(entry, name)
    elif isinstance(value, dict) and name in NODES:
        check_node(value)
    elif isinstance(value, dict) and name not in FREE:
        assert set(value) == SHAPE[name], name
        for key, entry in value.items():
            check_shape(entry, key)


def check_node(node: dict[str, Any]) -> None:
    """A target's place, or a choice; either behind a route that the key must be allowed to use."""
    rest = set(node) - {"via"}
    if "target" in rest:
        assert rest == {"target"}
        return
    assert {"strategy", "children"} <= rest <= {"strategy", "children", "weights", "rules", "sticky"}
    assert ("weights" in rest) == (node["strategy"] == "weighted")
    for child in node["children"]:
        check_node(child)


def test_shape(write: Write) -> None:
    snapshot = compiled(write(FULL))
    lists = {"providers", "prices", "routes", "task_types", "scopes", "keys"}
    assert set(snapshot) == {"server", "store", "panic_threshold", "outlier", "alerts", "jobs"} | lists
    for name, value in snapshot.items():
        check_shape(value, name)


def test_server(write: Write) -> None:
    assert compiled(write(FULL))["server"] == {
        "secret": f"TOLLWAY_SECRET-{CANARY}",
        "max_head": 32768,
        "max_body": 1048576,
        "max_upload": 1 << 30,
        "max_connections": 1000,
        "max_streams": 100,
        "head_timeout_ms": 5000,
        "body_timeout_ms": 120_000,
        "write_timeout_ms": 90_000,
        "tls": {"cert": pem("CERTIFICATE"), "key": pem("PRIVATE KEY"), "client_ca": pem("CERTIFICATE") * 2},
    }


def test_providers(write: Write) -> None:
    providers = compiled(write(FULL))["providers"]
    assert named(providers, "openai") == {
        "name": "openai",
        "kind": "http",
        "dialects": ["openai", "openai-responses"],
        "max_tokens": "max_completion_tokens",
        "fetches_urls": True,
        "rerank": "standard",
        "answers": True,
        "adapter": None,
        "quirks": {**dict.fromkeys(("chat", "other", "embeddings", "count"), NO_QUIRKS), "ask_usage": True},
        "base_url": "https://api.openai.com/v1",
        "paths": {},
        "auth": None,
        "auth_header": "authorization",
        "auth_prefix": "Bearer ",
        "api_keys": [{"value": f"A-{CANARY}", "weight": 2}, {"value": f"B-{CANARY}", "weight": 1}],
        "headers": {"openai-organization": "org-1", "x-canary": f"B-{CANARY}"},
        "region": "us",
        "tags": ["baa", "zdr"],
        "ca": pem("CERTIFICATE") * 2,
        "proxy": "http://127.0.0.1:3128",
        "http2": "prior",
        "connect_timeout_ms": 250,
        "max_connections": 64,
        "max_connection_age_ms": 3_600_000,
        "dns_ttl_ms": 10_000,
        "mock": None,
        "health_check": None,
        "breaker": {
            "consecutive": 3,
            "ratio": 0.4,
            "window_ms": 20_000,
            "min_requests": 10,
            "cooldown_ms": 2_000,
            "max_cooldown_ms": 60_000,
            "probes": 2,
        },
    }
    mock = named(providers, "mock")
    assert (mock["kind"], mock["api_keys"], mock["base_url"]) == ("mock", [], "")
    assert (mock["breaker"]["consecutive"], mock["breaker"]["cooldown_ms"]) == (0, 5_000), "its own, whole"
    assert mock["mock"] == {"latency_ms": 1, "chunk_gap_ms": 0, "chunks": 3, "error_status": 503, "cut_after": 100}


def test_quirks_are_those_of_the_module_and_of_the_file(write: Write) -> None:
    own = named(compiled(write(FULL))["providers"], "self-hosted")["quirks"]
    said = NO_QUIRKS | {"drop": ["logit_bias", "messages[].name"], "rename": {"max_completion_tokens": "max_tokens"}}
    assert own == {**dict.fromkeys(("chat", "other", "embeddings", "count"), said), "ask_usage": True}
    text = '[providers.m]\ntype = "mistral"\napi_key = "env:A"\ndrop_params = ["x"]\nrename_params = { seed = "y" }\n'
    mistral = compiled(write(text))["providers"][0]["quirks"]
    assert (mistral["ask_usage"], mistral["chat"]["call_ids"], mistral["other"]["call_ids"]) == (False, 9, None)
    assert mistral["chat"]["drop"][-1] == "x"
    assert mistral["chat"]["rename"] == {"max_completion_tokens": "max_tokens", "seed": "y"}


def test_an_adapter_speaks_for_its_provider(write: Write) -> None:
    def declared(call: str) -> Declared:
        assert call == "my_adapters:Exotic"
        return Declared(7, True, "/a", "/b", "anthropic", {"x-a": "1", "x-b": "1"}, "x-key", "")

    text = '[providers.e]\ntype = "python"\nbase_url = "http://127.0.0.1:1"\nadapter = "my_adapters:Exotic"\n'
    path = write(text + 'adapter_timeout = "2s"\nheaders = { x-b = "2" }\n')
    snapshot = orjson.loads(config.build(path, resolve_hook=resolve_hook, resolve_adapter=declared).snapshot)
    exotic = snapshot["providers"][0]
    assert (exotic["dialects"], exotic["auth_header"], exotic["auth_prefix"]) == (["anthropic"], "x-key", "")
    assert exotic["headers"] == {"x-a": "1", "x-b": "2"}
    assert exotic["adapter"] == {"id": 7, "call": "my_adapters:Exotic", "is_async": True, "timeout_ms": 2000}
    assert exotic["paths"] == {"anthropic": "/a", "anthropic:stream": "/b"}


def test_default_base_url(write: Write) -> None:
    path = write('[providers.openai]\ntype = "openai"\napi_key = "env:A"\n')
    assert compiled(path)["providers"][0]["base_url"] == "https://api.openai.com/v1"


def terms(target: dict[str, Any]) -> tuple[object, ...]:
    return tuple(
        target[name] for name in ("provider", "model", "timeout_ms", "first_token_ms", "idle_ms", "max_retries")
    )


def test_targets_inherit_from_the_route(write: Write) -> None:
    """Each from the route that names it: what stands in for a route keeps its own terms."""
    route = named(compiled(write(FULL))["routes"], "primary-summarization")
    assert [terms(target) for target in route["targets"]] == [
        ("openai", "gpt-4o", 30_000, 10_000, 5_000, 0),
        ("mock", "claude-sonnet-4-5", 30_000, 20_000, 15_000, 2),
        ("self-hosted", "llama-3.1-70b", 60_000, 20_000, 15_000, 1),
        ("openai", "gpt-4o-mini", 600_000, 600_000, 120_000, 2),
        ("mock", "long", 600_000, 600_000, 120_000, 2),
        ("mock", "permissive", 600_000, 600_000, 120_000, 2),
    ]


def test_defaults_of_a_target(write: Write) -> None:
    route = named(compiled(write(FULL))["routes"], "long-context")
    assert route["choice"] == {"target": 0}
    assert route["targets"][0] == {
        "provider": "mock",
        "model": "long",
        "timeout_ms": 600_000,
        "first_token_ms": 600_000,
        "idle_ms": 120_000,
        "max_retries": 2,
        "context_window": None,
        "supports": None,
        "tiers": [],
        "pin": None,
        "on_drift": "alert",
    }


def test_first_token_is_no_later_than_the_whole(write: Write) -> None:
    path = write(
        '[providers.m]\ntype = "mock"\n[routes.r]\nprovider = "m"\nmodel = "x"\ntimeout = "1s"\nfirst_token = "9s"\n'
    )
    assert compiled(path)["routes"][0]["targets"][0]["first_token_ms"] == 1_000


def test_hooks_and_guardrails(write: Write) -> None:
    route = named(compiled(write(FULL))["routes"], "primary-summarization")
    assert [tuple(hook.values()) for hook in route["hooks"]] == [
        (1, "my_policies:check", "request", False, 50, "open"),
        (2, "my_policies:review", "response", True, 1_000, "closed"),
    ]
    assert [tuple(guardrail.values()) for guardrail in route["guardrails"]] == [
        ("pii", ["email", "card"], "both", "mask", True, "open")
    ]


def test_keys(write: Write) -> None:
    keys = compiled(write(FULL))["keys"]
    key = named(keys, "summarizer")
    secret = f"TOLLWAY_SECRET-{CANARY}".encode()
    assert key["hash"] == hash_key(secret, f"SUMMARIZER_KEY-{CANARY}".encode())
    assert (key["team"], key["project"], key["environment"]) == ("data-science", "tickets", "dev")
    assert key["data_policy"] == {"regions": ["eu"], "require_tags": ["baa"], "classes": ["public", "internal"]}
    assert key["guardrails"][0]["entities"] == ["email", "card", "phone"]
    assert key["expires"] == 1801393200
    assert (key["callbacks"], key["callback_secret"]) == (["https://hooks.example.com/a"], f"A-{CANARY}")
    old = named(keys, "old")
    assert (old["callbacks"], old["callback_secret"]) == ([], None)
    assert (old["hash"], old["revoked"]) == ("0123456789abcdef" * 4, True)


def test_a_key_has_no_more_rights_than_its_team(write: Write) -> None:
    keys = compiled(write(FULL))["keys"]
    assert named(keys, "summarizer")["models"] == ["primary-summarization"], "permissive is not the team's"
    assert named(keys, "old")["models"] == ["primary-summarization", "fast"]
    assert named(keys, "anyone")["models"] is None


def test_scopes(write: Write) -> None:
    """Each as the admin API would have taken it: defaults within a setting spelt out, what was not given left out."""
    scopes = {(scope["kind"], scope["name"]): scope["settings"] for scope in compiled(write(FULL))["scopes"]}
    assert scopes["team", "data-science"] == {
        "budgets": [
            {"usd": 500, "per": "month", "alert_at": 0.8, "mode": "hard"},
            {"usd": 50, "per": "day", "environment": "dev", "mode": "soft"},
        ],
        "limits": {"rpm": 1000, "tpm": 200_000, "tpd": 5_000_000, "concurrency": 50},
        "models": ["primary-summarization", "fast"],
    }
    assert scopes["project", "tickets"] == {}
    assert scopes["tag", "night"] == {"budgets": [{"usd": 0.5, "per": "hour", "mode": "hard"}]}
    assert {kind for kind, _ in scopes} == {
        *("team", "organisation", "tenant", "project", "environment", "user", "agent", "tag")
    }


def test_what_a_key_counts_for(write: Write) -> None:
    keys = compiled(write(FULL))["keys"]
    key = named(keys, "summarizer")
    assert (key["organisation"], key["tenant"], key["user"], key["agent"]) == ("acme", "one", "ada", "crawler")
    assert (key["priority"], key["tags"]) == ("interactive", ["night", "batch-7"])
    assert key["metadata"] == {"owner": "Ada Lovelace", "cost-centre": "4711"}
    bare = named(keys, "anyone")
    assert [bare[name] for name in ("organisation", "tenant", "user", "agent")] == [None] * 4
    assert (bare["priority"], bare["tags"], bare["metadata"]) == ("standard", [], {})


def test_the_store(folder: Path, write: Write) -> None:
    assert compiled(write(FULL))["store"] == {
        "url": f"sqlite:{folder / 'tollway.db'}",
        "journal": str(folder / "tollway-journal"),
        "journal_max": 4 << 30,
        "on_full": "drop-payloads",
        "fsync_ms": 250,
        "payload_sampling": 0.05,
        "retain_requests_days": 400,
        "retain_rollups_days": 1200,
    }


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ('url = "sqlite:a/b.db"', {"url": "sqlite:{folder}/a/b.db"}),
        ('url = "sqlite:a/../b.db"', {"url": "sqlite:{folder}/b.db"}),
        ('url = "sqlite:///{folder}/c.db"', {"url": "sqlite:{folder}/c.db"}),
        ('url = "env:DATABASE_URL"', {"url": "postgres://u:p@h/d"}),
        ('journal = "a/j"', {"journal": "{folder}/a/j"}),
        ('fsync = "always"', {"fsync_ms": 0}),
        ("fsync = 1", {"fsync_ms": 1000}),
        ("", {"fsync_ms": 100, "payload_sampling": 0.0, "on_full": "refuse", "journal_max": 4 << 30}),
        ("payload_sampling = 1", {"payload_sampling": 1}),
        ("", {"retain_requests_days": None, "retain_rollups_days": None}),
        ('retention = { rollups = "24h" }', {"retain_requests_days": None, "retain_rollups_days": 1}),
    ],
)
def test_settings_of_the_store(
    folder: Path, write: Write, monkeypatch: pytest.MonkeyPatch, written: str, expected: dict[str, object]
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://u:p@h/d")
    (folder / "a").mkdir()
    store = compiled(write(f"[store]\n{written}\n".replace("{folder}", str(folder))))["store"]
    for name, value in expected.items():
        assert store[name] == (value.replace("{folder}", str(folder)) if isinstance(value, str) else value)


def test_the_store_starts_at_the_file(folder: Path, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / write("")
    monkeypatch.chdir("/")
    store = compiled(path)["store"]
    assert (store["url"], store["journal"]) == (f"sqlite:{folder}/tollway.db", f"{folder}/tollway-journal")


def test_the_defaults_keep_records_only_where_there_is_a_place(tmp_path: Path) -> None:
    for folder, url in ((None, None), (tmp_path, f"sqlite:{tmp_path}/tollway.db")):
        built = config.build_loaded(config.default_config(folder).loaded, resolve_hook=resolve_hook)
        store = orjson.loads(built.snapshot)["store"]
        assert (store and store["url"]) == url
        assert built.store == store
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_cannot_be_written_is_told_and_nothing_is_made() -> None:
    """As a user without rights: root may write everywhere."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "locked").mkdir(mode=0o555)
        path = folder / "tollway.toml"
        path.write_text('[store]\nurl = "sqlite:locked/t.db"\njournal = "locked/journal"\n')
        before = os.geteuid()
        if before == 0:
            os.seteuid(65534)
        try:
            found = config.check(path)
        finally:
            os.seteuid(before)
        assert [(one.code, one.line) for one in found] == [("unusable-path", 2), ("unusable-path", 3)]
        assert "cannot be written" in found[0].message
        assert list((folder / "locked").iterdir()) == []


def test_where_a_routes_settings_were_made(write: Write) -> None:
    built = config.build(write(FULL), resolve_hook=resolve_hook)
    lines = FULL.splitlines()

    def line(name: str, setting: str) -> str:
        place = built.origins[name][setting]
        assert place.startswith("tollway.toml:"), place
        return lines[int(place.partition(":")[2]) - 1]

    route = "primary-summarization"
    assert line(route, "strategy") == 'strategy = "fallback"'
    assert 'timeout = "30s"' in line(route, "targets[0].timeout_ms")
    assert line(route, "targets[1].idle_ms") == 'idle = "15s"'
    assert line(route, "targets[1].first_token_ms") == 'first_token = "20s"'
    assert line(route, "targets[2].max_retries") == "max_retries = 1"
    assert line(route, "targets[4].model") == 'model = "long"', "of the route that stands in"
    assert line(route, "hooks") == "[[routes.primary-summarization.hooks]]"
    assert built.origins["fast"]["targets[0].timeout_ms"] == "default"
    assert "timeout = 5 } }," in line("intelligent-router", "targets[1].timeout_ms")
    assert line("customer-faq", "targets[0].provider").startswith('  { provider = "self-hosted", model = "faq", w')
    routes = {route["name"]: route for route in compiled(write(FULL))["routes"]}
    told = {"provider", "model", "timeout_ms", "first_token_ms", "idle_ms", "max_retries"}
    for name, origins in built.origins.items():
        assert {setting for setting in origins if setting.startswith("targets")} == {
            f"targets[{index}].{setting}" for index in range(len(routes[name]["targets"])) for setting in told
        }


def test_the_built_settings(write: Write) -> None:
    built = config.build(write(FULL), resolve_hook=resolve_hook)
    assert (str(built.listen), str(built.admin), built.workers, built.hook_threads) == ("0.0.0.0:0", "[::1]:8081", 2, 2)
    assert (built.drain, built.metrics_open, built.admin_token_file) == (10.0, False, None)
    assert built.admin_token.reveal() == f"closed-{CANARY}"
