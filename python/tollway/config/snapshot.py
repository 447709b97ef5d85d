"""The snapshot: the checked configuration as the data plane takes it, with every default and reference settled."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from tollway.config.checks import ResolveAdapter, Resolved, ResolveHook
from tollway.config.compile_routes import compile_route, own_deployments
from tollway.config.places import base_url_of, filled, paths_of, region_of, words_of
from tollway.config.plain import plain
from tollway.config.price_table import PriceTable
from tollway.config.prices import price_record
from tollway.config.rights import allowed_routes
from tollway.config.schema import SCOPES, Config
from tollway.config.schema_access import DataPolicy, Key, Scope
from tollway.config.schema_guard import Guardrail, Hook
from tollway.config.schema_provider import HttpProviderSettings, ProviderSettings, adapter_of
from tollway.config.schema_resilience import Breaker, HealthCheck, Outlier
from tollway.config.schema_route import Attachments
from tollway.providers.contract import Provider, Quirks, providers

Json = dict[str, Any]


def compile_snapshot(
    config: Config, resolved: Resolved, *, resolve_hook: ResolveHook, resolve_adapter: ResolveAdapter
) -> bytes:
    """The JSON that `Gateway` and `Gateway.reload` take. It holds secrets: never log it or write it anywhere.

    `resolve_hook` is asked once for each function, `resolve_adapter` for each provider that has one; they raise
    `HookError` for what cannot be used.
    """
    calls = dict.fromkeys(hook.call for route in config.routes.values() for hook in route.hooks)
    hooks = {call: resolve_hook(call) for call in calls}
    return orjson.dumps(
        {
            "server": _server(config, resolved),
            "store": compile_store(config, resolved),
            "providers": [
                _adapted(_provider(name, provider, config, resolved), provider, resolve_adapter)
                for name, provider in config.providers.items()
            ],
            "prices": list(_prices(config)),
            "routes": [_route(name, config, hooks) for name in config.routes],
            "task_types": [{"name": kind.name, "when": kind.when} for kind in config.task_types],
            "panic_threshold": config.resilience.panic_threshold,
            "outlier": _outlier(config.resilience.outlier),
            "scopes": list(_scopes(config)),
            "keys": [_key(name, key, config, resolved) for name, key in config.keys.items()],
            "alerts": {"quiet_ms": config.alerts.quiet},
            "jobs": _jobs(config, resolved),
        }
    )


def _server(config: Config, resolved: Resolved) -> Json:
    server, tls = config.server, resolved.tls
    return {
        "secret": resolved.server_secret.reveal(),
        "max_head": server.max_head,
        "max_body": server.max_body,
        "max_upload": server.max_upload,
        "max_connections": server.max_connections,
        "max_streams": server.max_streams,
        "head_timeout_ms": server.head_timeout,
        "body_timeout_ms": server.body_timeout,
        "write_timeout_ms": server.write_timeout,
        "tls": None if tls is None else {"cert": tls[0], "key": tls[1].reveal(), "client_ca": tls[2]},
    }


def compile_store(config: Config, resolved: Resolved) -> Json | None:
    """`store` of the snapshot, whose URL may hold a password; `None`, which keeps no records, if it has no place."""
    store = config.store
    if resolved.store_url is None or resolved.journal is None:
        return None
    return {
        "url": resolved.store_url.reveal(),
        "journal": str(resolved.journal),
        "journal_max": store.journal_max,
        "on_full": store.on_full,
        "fsync_ms": store.fsync,
        "payload_sampling": store.payload_sampling,
        "retain_requests_days": store.retention.requests,
        "retain_rollups_days": store.retention.rollups,
    }


def _jobs(config: Config, resolved: Resolved) -> Json:
    jobs = config.jobs
    return {
        "concurrency": jobs.concurrency,
        "queue": jobs.queue,
        "max_bytes": jobs.max_bytes,
        "retain_ms": jobs.retain,
        "callback_timeout_ms": jobs.callback_timeout,
        "callback_attempts": jobs.callback_attempts,
        "callback_pause_ms": jobs.callback_pause,
        "private_hosts": jobs.private_hosts,
        "callback_secret": None if resolved.jobs_secret is None else resolved.jobs_secret.reveal(),
        "ca": resolved.jobs_ca,
    }


def _provider(name: str, settings: ProviderSettings, config: Config, resolved: Resolved) -> Json:
    auth = resolved.provider_auth.get(name)
    declared = providers()[settings.type]
    http = settings if isinstance(settings, HttpProviderSettings) else HttpProviderSettings(type=settings.type)
    return {
        "name": name,
        "kind": declared.kind,
        "dialects": http.dialects or declared.dialects,
        "max_tokens": declared.max_tokens,
        "fetches_urls": declared.fetches_urls if http.fetches_urls is None else http.fetches_urls,
        "rerank": declared.rerank,
        "answers": declared.answers,
        "quirks": {
            "chat": _quirks(declared.chat, settings),
            "other": _quirks(declared.other, settings),
            "embeddings": _quirks(declared.embeddings, settings),
            "count": _quirks(declared.count, settings),
            "ask_usage": declared.stream_usage == "asked",
        },
        "base_url": base_url_of(settings) or "",
        "paths": paths_of(settings),
        # A module's header is for its keys: a token that was fetched goes where RFC 6750 has it.
        "auth_header": declared.auth_header if auth is None else "authorization",
        "auth_prefix": declared.auth_prefix if auth is None else "Bearer ",
        "auth": None if auth is None else auth.to_snapshot(),
        "api_keys": [
            {"value": key.reveal(), "weight": weight} for key, weight in resolved.provider_keys.get(name, ()) if weight
        ],
        "headers": {
            **declared.headers,
            **{header: value.reveal() for header, value in resolved.provider_headers.get(name, {}).items()},
        },
        "region": region_of(settings),
        "tags": settings.tags,
        "ca": resolved.provider_ca.get(name),
        "proxy": http.proxy,
        "http2": http.http2,
        "connect_timeout_ms": http.connect_timeout,
        "max_connections": http.max_connections,
        "max_connection_age_ms": http.max_connection_age,
        "dns_ttl_ms": http.dns_ttl,
        "mock": _mock(settings, declared),
        "breaker": _breaker(settings.breaker or config.resilience.breaker),
        "health_check": _health_check(http.health_check),
    }


def _health_check(settings: HealthCheck | None) -> Json | None:
    if settings is None:
        return None
    times = {"interval_ms": settings.interval, "timeout_ms": settings.timeout}
    return {"path": settings.path, "unhealthy": settings.unhealthy, **times}


def _outlier(settings: Outlier | None) -> Json | None:
    if settings is None:
        return None
    return {"factor": settings.factor, "min_latency_ms": settings.min_latency}


def _breaker(settings: Breaker) -> Json:
    return {
        "consecutive": settings.consecutive,
        "ratio": settings.ratio,
        "window_ms": settings.window,
        "min_requests": settings.min_requests,
        "cooldown_ms": settings.cooldown,
        "max_cooldown_ms": settings.max_cooldown,
        "probes": settings.probes,
    }


def _adapted(provider: Json, settings: ProviderSettings, resolve_adapter: ResolveAdapter) -> Json:
    """With what an adapter, if there is one, says in place of the module."""
    call = adapter_of(settings)
    if call is None:
        return provider | {"adapter": None}
    adapter = resolve_adapter(call)
    return provider | {
        "dialects": [adapter.dialect],
        "auth_header": adapter.auth_header,
        "auth_prefix": adapter.auth_prefix,
        "adapter": {
            "id": adapter.id,
            "call": call,
            "is_async": adapter.is_async,
            "timeout_ms": getattr(settings, "adapter_timeout"),  # noqa: B009 - the settings of its type have it
        },
        "paths": {adapter.dialect: adapter.path, f"{adapter.dialect}:stream": adapter.stream_path},
        "headers": {**adapter.headers, **provider["headers"]},
    }


def _quirks(declared: Quirks, settings: ProviderSettings) -> Json:
    own = settings if isinstance(settings, HttpProviderSettings) else None
    words = words_of(settings)
    texts = {path: filled(text, words) for path, text in declared.set.items()}
    return {
        "drop": [*declared.drop, *(own.drop_params if own else ())],
        "omit": declared.omit,
        "rename": {**declared.rename, **(own.rename_params if own else {})},
        "rename_text": declared.rename_text,
        "values": {path: dict(words) for path, words in declared.values.items()},
        "only": declared.only,
        "set": {path: text for path, text in texts.items() if text is not None},
        "headers": declared.headers,
        "call_ids": declared.call_ids,
    }


def _mock(settings: ProviderSettings, declared: Provider) -> Json | None:
    if declared.kind != "mock":
        return None
    options = {option.name: getattr(settings, option.name) for option in declared.options}
    return {
        "latency_ms": options["latency"],
        "chunk_gap_ms": options["chunk_gap"],
        "chunks": options["chunks"],
        "error_status": options["error"],
        "cut_after": options["cut_after"],
    }


def _prices(config: Config) -> Iterator[Json]:
    """What each model of each provider costs, as far as it is known and a route leads there."""
    own = (target for name, route in config.routes.items() for _, target in own_deployments(name, route))
    table = PriceTable()
    for provider, model in dict.fromkeys((target.provider, target.model) for target in own):
        if provider is None or model is None:
            continue
        record = price_record(config.providers[provider], model, table)
        if record is not None:
            yield {"provider": provider, "model": model, "price": record}


def _route(name: str, config: Config, hooks: dict[str, tuple[int, bool]]) -> Json:
    route = config.routes[name]
    return {
        **compile_route(name, config),
        "on_lossy": route.on_lossy,
        "hooks": [_hook(hook, *hooks[hook.call]) for hook in route.hooks],
        "guardrails": [_guardrail(guardrail) for guardrail in route.guardrails],
        "attachments": _attachments(route.attachments),
    }


def _attachments(settings: Attachments | None) -> Json | None:
    if settings is None:
        return None
    return {
        "max_bytes": settings.max_bytes,
        "max_count": settings.max_count,
        "types": settings.types,
        "urls": settings.urls,
        "fetch_origins": settings.fetch_origins,
        "fetch_timeout_ms": settings.fetch_timeout,
    }


def _hook(hook: Hook, hook_id: int, is_async: bool) -> Json:
    return {
        "id": hook_id,
        "call": hook.call,
        "on": hook.on,
        "is_async": is_async,
        "timeout_ms": hook.timeout,
        "on_failure": hook.on_failure,
    }


def _guardrail(guardrail: Guardrail) -> Json:
    return {
        "type": guardrail.type,
        "entities": guardrail.entities,
        "on": guardrail.on,
        "action": guardrail.action,
        "restore": guardrail.restore,
        "on_failure": guardrail.on_failure,
    }


def _scopes(config: Config) -> Iterator[Json]:
    for table in ("teams", *SCOPES):
        entries: dict[str, Scope] = getattr(config, table)
        for name, scope in entries.items():
            yield {"kind": table.removesuffix("s"), "name": name, "settings": plain(scope)}


def _key(name: str, key: Key, config: Config, resolved: Resolved) -> Json:
    signing = resolved.callback_secrets.get(name)
    return {
        "id": name,
        "hash": resolved.key_hashes[name],
        "organisation": key.organisation,
        "tenant": key.tenant,
        "team": key.team,
        "project": key.project,
        "environment": key.environment,
        "user": key.user,
        "agent": key.agent,
        "priority": key.priority,
        "tier": key.tier,
        "tags": key.tags,
        "metadata": key.metadata,
        "models": allowed_routes(key, config),
        "files": key.files,
        "passthrough": key.passthrough,
        "expires": key.expires,
        "revoked": key.revoked,
        "guardrails": [_guardrail(guardrail) for guardrail in key.guardrails],
        "data_policy": None if key.data_policy is None else _policy(key.data_policy),
        "callbacks": key.callbacks,
        "callback_secret": None if signing is None else signing.reveal(),
    }


def _policy(policy: DataPolicy) -> Json:
    return {"regions": policy.regions, "require_tags": policy.require_tags, "classes": policy.classes}
