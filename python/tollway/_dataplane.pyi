"""The typed stub of the extension: what Python may ask of the data plane."""

class TomlError(ValueError):
    """A TOML syntax error; `args` are `(message, offset in characters)`."""

def hash_key(secret: bytes, key: bytes) -> str:
    """The HMAC-SHA-256 (RFC 2104) of a virtual key under `server.secret`: 64 lower-case hexadecimal digits."""

def explain(snapshot: bytes, key: str | None, model: str, body: bytes | None) -> bytes:
    """What would happen to a request, as JSON; nothing is called. Raises `ValueError` for a snapshot that is none."""

def check_expression(text: str, phase: str) -> tuple[int, str, str | None] | None:
    """Check a CEL condition of a `phase`, `route` or `task-type`; `None` if it is right.

    Else where it is wrong, an offset in characters of `text`, what is wrong, and what to do. Raises `ValueError` for
    another phase.
    """

class Offline:
    """The store and the journal of a gateway that does not run."""

    def __init__(self, snapshot: bytes) -> None:
        """Open them, and ship what is left in the journal. Raises `OSError`, in words for the operator."""
    def call(self, name: str, with_json: bytes, actor: str) -> bytes:
        """Answer as the control socket does: the JSON of `{"ok": …}` or `{"error": …, "code": …, "param": …}`."""

def parse_toml(
    text: str,
) -> tuple[dict[str, object], dict[tuple[str | int, ...], tuple[int, int, int, int]]]:
    """Parse TOML 1.1.

    Returns the values and, for each path of keys and indexes, `(key start, key end, value start, value end)` in
    characters of `text`; an array's item has no key, so its value's place stands for both. Raises `TomlError`.
    """

class HookCall:
    """One call of a policy hook or an adapter, on its way through Python."""

    @property
    def hook(self) -> int:
        """The `id` of the hook in the snapshot."""
    @property
    def context(self) -> bytes:
        """JSON: phase, request_id, route, endpoint, stream, and the key's id, team, project, environment.

        Of an adapter's call the method that is called: `request`, `response`, `events` or `end`.
        """
    @property
    def body(self) -> bytes:
        """The JSON body of the request or the response; of a streamed response, the whole SSE text."""
    @property
    def kept(self) -> object | None:
        """What an earlier call of the same attempt has kept: the adapter's instance."""
    def keep(self, instance: object) -> None:
        """Keep it for the later calls of the same attempt; what is kept already stays."""
    @property
    def cancelled(self) -> bool:
        """Whether the caller has stopped waiting."""
    def finish(self, action: str, message: str | None, body: bytes | None, flags: list[str]) -> None:
        """Answer with `allow`, `reject` or `replace`, and free the slot. Raises `ValueError` for another action."""
    def fail(self, error: str) -> None:
        """Report that the hook raised; `on_failure` decides. `error` is the exception's type name alone."""

class Gateway:
    """The running data plane: its listeners, runtimes, pools and counters."""

    def __init__(
        self,
        listen_fds: list[int],
        control_path: str,
        workers: int,
        hook_threads: int,
        snapshot: bytes,
        successor: bool,
    ) -> None:
        """Start serving on listening sockets that the caller keeps (each is duplicated).

        A `successor` takes over from a process that still runs, and gets the journal once that one has ended. Raises
        `ValueError` for a snapshot that does not hold together, or a journal or store that cannot be used; `OSError`
        for a socket that cannot be used.
        """
    def reload(self, snapshot: bytes, cause: str) -> None:
        """Swap the configuration whole; the audit log says that `cause` asked for it.

        Raises `ValueError`, and changes nothing, if it does not hold together.
        """
    def drain(self, timeout: float) -> bool:
        """Stop accepting, let what runs finish for at most `timeout` seconds, and end every thread.

        Returns whether everything finished in time.
        """
    def next_command(self, timeout: float) -> tuple[int, str] | None:
        """Wait up to `timeout` seconds for a command of the control plane: `(number, name)`."""
    def finish_command(self, number: int, error: str | None) -> None:
        """Answer a command: `None` for success, else the text to show."""
    def next_hook(self) -> HookCall | None:
        """Wait for a call of a synchronous hook; `None` once the data plane has ended."""
    def next_adapter(self) -> HookCall | None:
        """Wait for a call of a synchronous adapter; `None` once the data plane has ended."""
    def hook_fd(self) -> int:
        """An eventfd that is readable while calls of asynchronous hooks wait."""
    def take_async_hooks(self) -> list[HookCall]:
        """The waiting calls of asynchronous hooks; resets the eventfd."""
    def connections(self) -> tuple[int, int]:
        """How many connections of callers are open, and the most that were at a time since the last call."""
    def metrics(self) -> str:
        """The counters in Prometheus' text format."""
