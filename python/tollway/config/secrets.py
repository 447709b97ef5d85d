"""Secrets: a text that cannot be printed, references to where a secret lives, and what makes new ones."""

from __future__ import annotations

import hmac
import os
import re
import secrets
import stat
import string
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, SupportsIndex

HIDDEN = "********"
"""What stands for a secret wherever one would be shown."""

MINIMUM_KEY = 16
"""The least number of characters of a virtual key."""

LARGEST_FILE = 64 * 1024
"""The most bytes that are read from a file that a reference names."""

LATER = ("vault", "aws-sm", "gcp-sm")
"""Schemes that are reserved for secret managers."""


VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,200}")
"""The name of an environment variable."""


class Secret:
    """A text that no formatting, dump, pickle or traceback shows; only `reveal()` gives it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The secret itself: for the snapshot, a header or the one showing of a new key, never for a message."""
        return self._text

    def __repr__(self) -> str:
        return f"Secret({HIDDEN})"

    def __str__(self) -> str:
        return HIDDEN

    def __format__(self, spec: str) -> str:
        return HIDDEN

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash(self._text)

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Secret:
        return self

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError("a secret cannot be pickled")


@dataclass(frozen=True, slots=True)
class Reference:
    """Where a secret lives: `env:NAME`, `file:PATH`, or the secret itself, written in the file (`literal`)."""

    scheme: str
    place: str = ""
    literal: Secret | None = None

    def __str__(self) -> str:
        return HIDDEN if self.literal else f"{self.scheme}:{self.place}"


class SecretError(ValueError):
    """A reference that leads nowhere. `code` names the kind of mistake, `hint` what to do; neither holds a secret."""

    def __init__(self, code: str, message: str, hint: str) -> None:
        super().__init__(message)
        self.code = code
        self.hint = hint


def parse_reference(text: str) -> Reference:
    """The reference that `text` writes. Raises `SecretError` for an empty or misspelt one and for reserved schemes."""
    scheme, colon, place = text.partition(":")
    if not text:
        raise SecretError("bad-reference", "the secret is empty", "write a reference: env:NAME or file:PATH")
    if colon and scheme in LATER:
        raise SecretError(
            "unsupported-reference", f"`{scheme}:` references are not in this version", "use env:NAME or file:PATH"
        )
    if colon and scheme in ("env", "file"):
        if not place:
            raise SecretError("bad-reference", f"`{scheme}:` names nothing", "write env:NAME or file:PATH")
        if scheme == "env" and not VARIABLE.fullmatch(place):
            # What stands here instead of a name may be the secret itself: do not repeat it.
            raise SecretError(
                "bad-reference",
                "what follows `env:` is not the name of an environment variable",
                "write env:NAME, with letters, digits and `_`",
            )
        return Reference(scheme, place)
    meant = _foreign(text)
    if meant is not None:
        raise SecretError("bad-reference", "this is how other programs refer to a secret", f"write {meant}")
    return Reference("literal", literal=Secret(text))


def harmless(text: str) -> bool:
    """Whether `text`, where a secret belongs, only says where one lives, and so may be shown."""
    scheme, _, place = text.partition(":")
    if scheme == "env":
        return not place or VARIABLE.fullmatch(place) is not None
    return not text or scheme == "file" or scheme in LATER or _foreign(text) is not None


def _foreign(text: str) -> str | None:
    """The reference that was meant by the notation of another program, so that it is not taken for the secret."""
    name = ""
    if text.startswith("os.environ/"):
        name = text.removeprefix("os.environ/")
    elif text.startswith("${") and text.endswith("}"):
        name = text[2:-1].removeprefix("env:")
    elif text.startswith(("$", "env.")):
        name = text.removeprefix("$").removeprefix("env.")
    elif text[:4].lower() == "env:" or text[:5].lower() == "file:":
        scheme, _, place = text.partition(":")
        return f"{scheme.lower()}:{place}" if VARIABLE.fullmatch(place) else None
    return f"env:{name}" if name and name.replace("_", "a").isalnum() and name.upper() == name else None


def read_reference(reference: Reference, base: Path) -> Secret:
    """The secret that `reference` stands for; a relative file is sought in `base`. Raises `SecretError`."""
    if reference.literal is not None:
        return reference.literal
    if reference.scheme == "env":
        value = os.environ.get(reference.place, "")
        if not value:
            state = "is empty" if reference.place in os.environ else "is not set"
            raise SecretError(
                "unset-variable",
                f"the environment variable `{reference.place}` {state}",
                f"set {reference.place} before starting Tollway",
            )
        return Secret(value)
    text = read_file(base / reference.place).rstrip("\r\n")
    if not text:
        raise SecretError("unreadable-file", f"the file `{reference.place}` is empty", "put the secret into it")
    return Secret(text)


def read_file(path: Path, most: int = LARGEST_FILE) -> str:
    """The text of a regular file of at most `most` bytes. Raises `SecretError`, which names the path."""
    hint = "give the path of a readable file; a relative one starts at the configuration's folder"
    try:
        # A pipe or a device could block for ever or never end: refuse all but regular files before reading.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise SecretError("unreadable-file", f"`{path}` is not a regular file", hint)
            data = file.read(most + 1)
    except (OSError, ValueError) as error:
        if isinstance(error, SecretError):
            raise
        reason = (error.strerror or type(error).__name__).lower() if isinstance(error, OSError) else "not a path"
        raise SecretError("unreadable-file", f"the file `{path}` cannot be read: {reason}", hint) from None
    if len(data) > most:
        raise SecretError("unreadable-file", f"the file `{path}` is larger than {most // 1024} KiB", hint)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise SecretError("unreadable-file", f"the file `{path}` is not UTF-8 text", hint) from None


def open_to_others(path: Path) -> bool:
    """Whether the group or others may read the file."""
    try:
        return bool(path.stat().st_mode & 0o044)
    except (OSError, ValueError):
        return False


def kept_secret(path: Path, *, create: bool) -> Secret:
    """The secret in the file at `path`; where there is none, a new one (32 random bytes, hexadecimal).

    With `create` the new one is kept in the file (mode 0600), and of several processes that start together all get
    the same; without, it lives in memory only. Raises `SecretError` for a file that cannot be made or read.
    """
    if create:
        _create(path)
    elif not path.exists():
        return Secret(secrets.token_hex(32))
    text = read_file(path).strip()
    if len(text) < MINIMUM_KEY:
        raise SecretError(
            "unreadable-file",
            f"the file `{path}` holds no secret",
            "remove it, and a new one is made; keys hashed under the old one stop working",
        )
    return Secret(text)


def _create(path: Path) -> None:
    """Make the file whole or not at all: written under another name, then linked, which fails if `path` exists."""
    if path.exists():
        return
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(secrets.token_hex(32) + "\n")
                file.flush()
                os.fsync(file.fileno())
            os.link(draft, path)
        except FileExistsError:
            pass  # another process was first: its secret is the one
        finally:
            draft.unlink()
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise SecretError(
            "unwritable-file",
            f"the file `{path}` cannot be made: {reason}",
            "make its folder writable, or give the secret in the configuration",
        ) from None


def new_key() -> Secret:
    """A new virtual key: `tw-<12 character public id>-<43 character secret>`, the secret of 256 random bits."""
    alphabet = string.ascii_lowercase + string.digits
    public = "".join(secrets.choice(alphabet) for _ in range(12))
    return Secret(f"tw-{public}-{secrets.token_urlsafe(32)}")
