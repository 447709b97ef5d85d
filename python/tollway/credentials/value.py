"""A credential, and why there is none."""

from __future__ import annotations

from dataclasses import dataclass, field

LONGEST = 32 * 1024
"""The most characters of a token: two of them fit into a line of the control socket."""


@dataclass(frozen=True, slots=True)
class AwsKeys:
    """What requests to AWS are signed with."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Value:
    """A bearer token or keys to sign with, and when that expires: in seconds since 1970, `None` for never."""

    expires: float | None
    bearer: str | None = field(default=None, repr=False)
    aws: AwsKeys | None = field(default=None, repr=False)

    def told(self) -> dict[str, object]:
        """What the data plane is told: it holds secrets."""
        expires = None if self.expires is None else int(self.expires * 1000)
        if self.aws is None:
            return {"expires": expires, "bearer": self.bearer}
        keys = self.aws
        return {
            "expires": expires,
            "aws": {
                "access_key_id": keys.access_key_id,
                "secret_access_key": keys.secret_access_key,
                "session_token": keys.session_token,
            },
        }


class FetchError(Exception):
    """There is no credential; `str()` says why and what to do, and holds no secret."""

    def __init__(self, why: str, todo: str) -> None:
        super().__init__(f"{why}: {todo}")
        self.why = why
        self.todo = todo


def token(text: object) -> str:
    """`text` as a token that a header can carry. Raises `FetchError`."""
    if isinstance(text, str) and 0 < len(text) <= LONGEST and text.isascii() and text.isprintable() and " " not in text:
        return text
    raise FetchError("the answer holds no token that a header can carry", "check the address of the token endpoint")
