"""The error by which a check of one value tells what is wrong with it."""

from __future__ import annotations

from pydantic_core import PydanticCustomError


def fault(code: str, message: str, hint: str) -> PydanticCustomError:
    """An error of a setting's value: `code` names the kind of mistake, `hint` says what to do.

    Of a `wrong-type`, `message` is what was expected: the rest of the sentence is the same for all settings.
    """
    # The message goes in as a value: braces in the file's own text must not be taken for placeholders.
    return PydanticCustomError(code, "{said}", {"said": message, "hint": hint})
