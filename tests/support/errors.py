"""What every error answer must have."""

from __future__ import annotations

import re
from typing import Any

from tests.support.wire import Answer

REQUEST_ID = re.compile(r"req_[0-9a-f]{32}")


def is_error(answer: Answer, status: int, code: str, param: str | None = None) -> dict[str, Any]:
    """Check status and the whole shape of an error in OpenAI's form; the error itself."""
    assert answer.status == status, (answer.status, answer.body[:500])
    assert answer.header("content-type") == "application/json"
    assert not answer.cut
    named = answer.header("x-request-id")
    assert named is not None
    assert REQUEST_ID.fullmatch(named)
    body = answer.json()
    assert list(body) == ["error"]
    error: dict[str, Any] = body["error"]
    is_error_object(error)
    assert (error["code"], error["param"]) == (code, param), error
    return error


def is_error_object(error: dict[str, Any]) -> None:
    """Check that an error has all four fields, each of its type, and a message that says something."""
    assert set(error) == {"message", "type", "param", "code"}, error
    assert isinstance(error["message"], str)
    assert error["message"].strip(), error
    assert isinstance(error["type"], str)
    assert error["type"]
    assert error["param"] is None or isinstance(error["param"], str)
    assert error["code"] is None or isinstance(error["code"], str)


HEAD_CODES = {
    400: "invalid_request",
    408: "request_timeout",
    413: "request_too_large",
    414: "url_too_long",
    431: "request_head_too_large",
}


def is_refused_head(answer: Answer, status: int, param: str | None = None) -> dict[str, Any]:
    """Check the refusal of a head, which also ends the connection; the error itself."""
    assert answer.header("connection") == "close"
    assert answer.header("date") is not None
    return is_error(answer, status, HEAD_CODES[status], param)
