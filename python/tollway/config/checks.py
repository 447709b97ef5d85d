"""What the checks of all tables share: a place for their findings, and the reading of what the file refers to."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath

from tollway.adapter import Declared
from tollway.config.credentials import Settled
from tollway.config.document import Document
from tollway.config.schema import Config
from tollway.config.secrets import (
    LARGEST_FILE,
    Reference,
    Secret,
    SecretError,
    open_to_others,
    read_file,
    read_reference,
)
from tollway.config.shape import Path, suggestion
from tollway.config.validate import Working
from tollway.config.whole import at
from tollway.errors import Diagnostic, HookError, Severity

ResolveHook = Callable[[str], tuple[int, bool]]
"""Gives a hook's `(id, whether it is async)` for its `module:function`; raises `HookError`."""

ResolveAdapter = Callable[[str], Declared]
"""Gives what an adapter declares for its `module:Class`; raises `HookError`."""

SUGGESTIONS = 25
"""For how many dangling references the name that was meant is sought."""

_PEM_LIMIT = 16 * LARGEST_FILE  # a bundle of all public authorities is about 250 KiB
_PEM = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----([A-Za-z0-9+/=\s]*)-----END \1-----")


@dataclass(slots=True)
class Resolved:
    """What the configuration refers to, read: it holds secrets, and shows none."""

    server_secret: Secret = field(default_factory=lambda: Secret(""))
    admin_token: Secret | None = None
    admin_token_file: FilePath | None = None
    provider_keys: dict[str, tuple[tuple[Secret, int], ...]] = field(default_factory=dict)
    provider_auth: dict[str, Settled] = field(default_factory=dict)
    provider_headers: dict[str, dict[str, Secret]] = field(default_factory=dict)
    provider_ca: dict[str, str] = field(default_factory=dict)
    tls: tuple[str, Secret, str | None] | None = None
    telemetry_headers: dict[str, Secret] = field(default_factory=dict)
    telemetry_ca: FilePath | None = None
    webhooks: list[tuple[Secret, Secret, tuple[str, ...] | None, dict[str, Secret]]] = field(default_factory=list)
    """Of each: its URL, its secret, the kinds of alerts or all, and its headers."""
    alerts_ca: FilePath | None = None
    jobs_secret: Secret | None = None
    jobs_ca: str | None = None
    callback_secrets: dict[str, Secret] = field(default_factory=dict)
    key_secrets: dict[str, Secret] = field(default_factory=dict)
    key_hashes: dict[str, str] = field(default_factory=dict)
    store_folder: FilePath = field(default_factory=FilePath)
    store_url: Secret | None = None
    journal: FilePath | None = None
    watch: set[FilePath] = field(default_factory=set)


class Checks:
    """One run over one file: `found` gathers the diagnostics, `resolved` what was read."""

    def __init__(self, document: Document, config: Config, working: Working, base: FilePath) -> None:
        self.document = document
        self.config = config
        self.working = working
        self.base = base
        self.found: list[Diagnostic] = []
        self.resolved = Resolved(store_folder=base)
        self._suggested = 0

    def has(self, path: Path) -> bool:
        """Whether the file gives a value at `path`, right or wrong."""
        return self.document.has(self.working.original(path))

    def declared(self, table: str) -> Collection[str]:
        """The names under a top-level table, also of entries that are wrong in themselves."""
        entries = self.document.values.get(table)
        return entries if isinstance(entries, dict) else ()

    def error(self, code: str, path: Path, message: str, hint: str | None) -> None:
        """Note an error at the value at `path`."""
        self._note("error", code, path, (message, hint))

    def warning(self, code: str, path: Path, message: str, hint: str | None) -> None:
        """Note a warning at the value at `path`."""
        self._note("warning", code, path, (message, hint))

    def _note(self, severity: Severity, code: str, path: Path, said: tuple[str, str | None]) -> None:
        original = self.working.original(path)
        self.found.append(self.document.diagnostic(severity, code, self.document.value(original), said))

    def reference(self, table: str, path: Path, name: str) -> None:
        """Check that `name`, at `path`, is declared under `table`."""
        declared = self.declared(table)
        if name not in declared:
            one = table.removesuffix("s")
            self.error(f"unknown-{one}", path, f"there is no {one} `{name}`", self._suggestion(name, declared))

    def _suggestion(self, name: str, declared: Collection[str]) -> str | None:
        # Comparing with every one of ten thousand names takes a tenth of a second: enough for a few mistakes.
        self._suggested += 1
        return suggestion(name, tuple(declared)) if self._suggested <= SUGGESTIONS else None

    def scope_reference(self, table: str, path: Path, name: str | None) -> None:
        """The same for a scope; where none is declared at all the name stands for itself, which is only warned of."""
        declared = self.declared(table)
        if name is None or name in declared:
            return
        one = table.removesuffix("s")
        if declared:
            self.error(f"unknown-{one}", path, f"there is no {one} `{name}`", self._suggestion(name, declared))
        else:
            self.warning(f"undeclared-{one}", path, f"the {one} `{name}` is declared nowhere", f"add [{table}.{name}]")

    def secret(self, path: Path, reference: Reference) -> Secret | None:
        """The secret that `reference`, at `path`, stands for; `None` if it cannot be had, which is noted."""
        if reference.literal is not None:
            hint = "keep it out of the file: env:NAME or file:PATH"
            self.warning("literal-secret", path, "the secret is written in the file itself", hint)
        return self.read(path, reference)

    def read(self, path: Path, reference: Reference) -> Secret | None:
        """As `secret`, for values that need not be secret."""
        try:
            secret = read_reference(reference, self.base)
        except SecretError as error:
            self.error(error.code, path, str(error), error.hint)
            return None
        if reference.scheme == "file":
            self.private(path, reference.place)
        return secret

    def headers(self, path: Path, references: Mapping[str, Reference]) -> dict[str, Secret]:
        """The headers at `path`, of which those are left out, and noted, that cannot be had or sent."""
        _, written = at(path, self.working.values)
        found: dict[str, Secret] = {}
        # Their names are in lower case once validated; the diagnostics want them as they are spelt.
        for spelt, (header, reference) in zip(written or (), references.items(), strict=False):  # type: ignore[call-overload]
            value = self.read((*path, spelt), reference)
            if value is not None and not sendable(value):
                message = "the value holds a character that no header may"
                self.error("bad-secret", (*path, spelt), message, "use visible ASCII")
            elif value is not None:
                found[header] = value
        return found

    def private(self, path: Path, place: str) -> None:
        """Note a secret's file as one to watch, and warn if others may read it."""
        file = self.base / place
        self.resolved.watch.add(file)
        if open_to_others(file):
            self.warning("readable-secret", path, f"the group or others may read `{place}`", f"chmod 600 {place}")

    def pem(self, path: Path, place: str, kind: str) -> str | None:
        """The text of the PEM file `place`, which must hold a block whose label ends in `kind`."""
        place = place.removeprefix("file:")
        what = "certificate" if kind == "CERTIFICATE" else "private key"
        try:
            text = read_file(self.base / place, _PEM_LIMIT)
        except SecretError as error:
            self.error(error.code, path, str(error), error.hint)
            return None
        self.resolved.watch.add(self.base / place)
        labels = [label for label, body in _PEM.findall(text) if _base64(body)]
        if any(label.endswith(kind) and "ENCRYPTED" not in label for label in labels):
            return text
        if any("ENCRYPTED" in label for label in labels) or "Proc-Type: 4,ENCRYPTED" in text:
            self.error("bad-pem", path, f"the private key in `{place}` is encrypted", "store it without a passphrase")
        else:
            hint = f"give a PEM file with a block `-----BEGIN {kind}-----`"
            self.error("bad-pem", path, f"the file `{place}` holds no {what}", hint)
        return None

    def adapter(self, path: Path, call: str, resolve_adapter: ResolveAdapter | None) -> None:
        """Check that an adapter can be imported and used."""
        if resolve_adapter is None:
            return
        try:
            resolve_adapter(call)
        except HookError as error:
            hint = "docs/adapters.md shows what an adapter has"
            self.error("bad-adapter", path, f"the adapter `{call}` cannot be used: {error}", hint)

    def hook(self, path: Path, call: str, resolve_hook: ResolveHook | None) -> None:
        """Check that a hook can be imported and called."""
        if resolve_hook is None:
            return
        try:
            resolve_hook(call)
        except HookError as error:
            hint = "the module must be importable where Tollway runs, and the function callable"
            self.error("bad-hook", path, f"the hook `{call}` cannot be used: {error}", hint)


def sendable(secret: Secret) -> bool:
    """Whether a header can carry it."""
    text = secret.reveal()
    return text.isascii() and text.isprintable() and text == text.strip()


def _base64(body: str) -> bool:
    try:
        return len(base64.b64decode("".join(body.split()), validate=True)) > 0
    except (binascii.Error, ValueError):
        return False
