"""The configurations of what is measured: nginx at its leanest, and Tollway."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from benches.harness.scenario import Subject

KEY = "bench-virtual-key-{n}"
ROUTE = "bench-{n}"
"""As `tollway-load` is told: it writes its requests' numbers for `{n}`, in five digits."""

HIDDEN = {"TOLLWAY_BENCH_SECRET": "bench-server-secret-bench-server-secret", "TOLLWAY_BENCH_UPSTREAM_KEY": "sk-bench"}
"""What Tollway's configuration refers to in its environment. Nothing but loopback ever sees it."""

_PROVIDERS = {
    "chat": 'type = "openai"\nbase_url = "{url}/v1"',
    "responses": 'type = "openai-compatible"\ndialects = ["openai-responses"]\nbase_url = "{url}/v1"',
    "anthropic": 'type = "anthropic"\nbase_url = "{url}/v1"',
    "gemini": 'type = "gemini"\nbase_url = "{url}/v1beta"',
}

# Hundreds of millions: no connection is closed for its age while it is measured.
_ENDLESS = 900_000_000

_NGINX = """\
{user}worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/nginx-error.log warn;
worker_rlimit_nofile {files};
events {{ worker_connections {connections}; }}
http {{
  access_log off;
{temporary}
  keepalive_requests {endless};
  keepalive_timeout 1h;
  client_max_body_size 32m;
  client_body_buffer_size 256k;
  upstream mock {{
    server 127.0.0.1:{upstream};
    keepalive 4096;
    keepalive_requests {endless};
    keepalive_timeout 1h;
  }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{
      proxy_pass http://mock;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering {buffering};
      proxy_read_timeout 1h;
    }}
  }}
}}
"""


@dataclass(frozen=True, slots=True)
class Proxy:
    """What nginx's configuration depends on."""

    folder: Path
    port: int
    upstream: int
    stream: bool
    files: int
    root: bool


def nginx(proxy: Proxy) -> str:
    """A plain reverse proxy. Bodies stay in memory; streams are not held back."""
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    return _NGINX.format(
        # The worker must reach the temporary folder, which only its owner may.
        user="user root;\n" if proxy.root else "",
        folder=proxy.folder,
        files=proxy.files,
        connections=max(512, proxy.files - 100),
        temporary="\n".join(f"  {kind}_temp_path {proxy.folder}/{kind};" for kind in kinds),
        endless=_ENDLESS,
        upstream=proxy.upstream,
        port=proxy.port,
        buffering="off" if proxy.stream else "on",
    )


def tollway(subject: Subject, port: int, admin: int, upstream: int) -> str:
    """One worker, one provider; as many keys and routes as the subject has."""
    head = f"""\
[server]
listen = "127.0.0.1:{port}"
admin = "127.0.0.1:{admin}"
workers = 1
hook_threads = {subject.hook_threads}
secret = "env:TOLLWAY_BENCH_SECRET"

[providers.mock]
{_PROVIDERS[subject.dialect].format(url=f"http://127.0.0.1:{upstream}")}
api_key = "env:TOLLWAY_BENCH_UPSTREAM_KEY"
"""
    if subject.dead:
        # The discard port (RFC 863), where nobody listens.
        head += '\n[providers.dead]\ntype = "openai-compatible"\nbase_url = "http://127.0.0.1:9/v1"\n'
    routes = (_route(numbered(ROUTE, n), subject) for n in range(subject.routes))
    keys = (f'\n[keys.bench-{n}]\nsecret = "{numbered(KEY, n)}"\n' for n in range(subject.keys))
    return head + "".join(routes) + "".join(keys)


def numbered(text: str, n: int) -> str:
    """The key or the route of a number."""
    return text.format(n=f"{n:05}")


def _route(name: str, subject: Subject) -> str:
    lines = ["", f"[routes.{name}]", 'idle = "1h"', 'timeout = "2h"']
    if subject.dead:
        targets = (f'{{ provider = "{provider}", model = "bench-upstream" }}' for provider in ("dead", "mock"))
        lines += ['strategy = "fallback"', f"targets = [{', '.join(targets)}]"]
    else:
        lines += ['provider = "mock"', 'model = "bench-upstream"']
    if subject.guardrail:
        lines.append(
            'guardrails = [{ type = "pii", entities = ["email", "card", "phone"], on = "both", action = "mask", '
            'restore = true, on_failure = "closed" }]'
        )
    if subject.hook is not None:
        lines.append(
            f'hooks = [{{ call = {json.dumps(subject.hook)}, on = "request", timeout = "1s", on_failure = "closed" }}]'
        )
    return "\n".join(lines) + "\n"
