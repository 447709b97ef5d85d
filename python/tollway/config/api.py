"""What other packages call of the configuration: TOML in, an immutable snapshot for the data plane out.

load(path: Path, *, resolve_hook: ResolveHook | None = None, resolve_adapter: ResolveAdapter | None = None,
create_secrets: bool = True) -> Loaded
raises tollway.errors.ConfigError with every diagnostic. Loaded has .path (Path | None), .config (Config),
.resolved (Resolved: the secrets and PEM texts), .warnings (tuple[Diagnostic, ...]).
check(path: Path, *, resolve_hook: ResolveHook | None = None, resolve_adapter: ResolveAdapter | None = None)
-> list[Diagnostic]
errors and warnings alike, never raises ConfigError, creates no file. `tollway check` fails when any
.severity == "error"; with --strict when the list is not empty. Without `resolve_hook`, hooks are checked
in shape only: pass `HookRegistry().resolve`, and `.adapter` for adapters.
render(diagnostics: Sequence[Diagnostic], color: bool = False) -> str
the report for people, with a closing count; "" for none. For machines: [d.to_json() for d in diagnostics].
compile_snapshot(config: Config, resolved: Resolved, *, resolve_hook: ResolveHook,
resolve_adapter: ResolveAdapter) -> bytes
the JSON that Gateway(...) and Gateway.reload(...) take.
build(path: Path, *, resolve_hook: ResolveHook, resolve_adapter: ResolveAdapter = …,
create_secrets: bool = True) -> Built
load + compile_snapshot in one: what start and reload use. Raises ConfigError.
build_loaded(loaded: Loaded, *, resolve_hook: ResolveHook, resolve_adapter: ResolveAdapter = …) -> Built
the same for what is loaded already, e.g. default_config().loaded.
default_config(folder: Path | None = None) -> Defaults
what `tollway serve` serves without a file: .loaded (Loaded), .admin_token (Secret), .key (Secret); print
both once with .reveal(). They are not written to disk; records are kept in `folder`, if there is one.
reach(path: Path) -> Reach
where the control plane of a file is, and its token, whatever else the file holds: .admin (Address),
.token (Secret | None). Raises ConfigError.
json_schema() -> dict[str, object]
new_key() -> Secret       tw-<12 character public id>-<43 character secret>

Built: .snapshot (bytes) .store (dict | None: that part of the snapshot) .origins (dict: of each route's settings)
.telemetry .alerts .credentials (dict | None each: for the control plane; they hold secrets) .provider_places (dict)
.config (Config) .listen (Address) .admin (Address) .workers (int) .hook_threads (int)
.drain (float, seconds) .admin_token (Secret) .admin_token_file (Path | None: where a token that was not
configured has been made) .metrics_open (bool) .warnings (tuple[Diagnostic, ...])
.watch (tuple[Path, ...]: the files whose change should reload)
Address: .host (str) .port (int); str() gives host:port, with brackets around IPv6.
ResolveHook = Callable[[str], tuple[int, bool]]; it raises tollway.errors.HookError for a hook that cannot be used.
ResolveAdapter = Callable[[str], tollway.adapter.Declared]; likewise.
"""

from tollway.config.build import Built, Defaults, build, build_loaded, default_config
from tollway.config.checks import ResolveAdapter, Resolved, ResolveHook
from tollway.config.diagnose import render
from tollway.config.fields import Address
from tollway.config.load import Loaded, check, load
from tollway.config.reach import Reach, reach
from tollway.config.schema import Config, json_schema
from tollway.config.secrets import Secret, new_key
from tollway.config.snapshot import compile_snapshot
from tollway.errors import Diagnostic

__all__ = [
    "Address",
    "Built",
    "Config",
    "Defaults",
    "Diagnostic",
    "Loaded",
    "Reach",
    "ResolveAdapter",
    "ResolveHook",
    "Resolved",
    "Secret",
    "build",
    "build_loaded",
    "check",
    "compile_snapshot",
    "default_config",
    "json_schema",
    "load",
    "new_key",
    "reach",
    "render",
]
