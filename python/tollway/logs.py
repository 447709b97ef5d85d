"""Logs: one JSON object a line on stderr: `time` (UTC, RFC 3339), `level`, `event`, and the event's own fields.

Call `event(...)`, whose fields are named one by one: what is not named cannot slip into a log.
"""

from __future__ import annotations

import json
import logging
import sys
import time

logger = logging.getLogger("tollway")
"""What all of Tollway's Python logs through."""

# Nothing here logs who called from where, or from which thread: spare each record the look-up.
logging.logThreads = False
logging.logProcesses = False
logging.logMultiprocessing = False


class JsonFormatter(logging.Formatter):
    """A record as one line of JSON. Of an exception only the type is shown: its text may quote a request."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line: dict[str, object] = {
            "time": f"{seconds}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "event": record.getMessage(),
        }
        if record.exc_info and record.exc_info[0]:
            line["exception"] = record.exc_info[0].__name__
        fields = getattr(record, "fields", None)
        if isinstance(fields, dict):
            line.update(fields)
        return json.dumps(line, default=str, ensure_ascii=False)


def configure(level: int = logging.INFO) -> None:
    """Send every log of this process, also those of libraries from WARNING up, to stderr as JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    logger.setLevel(level)


def event(level: int, name: str, **fields: object) -> None:
    """Log what happened: `name` is stable and dotted (`config.reloaded`), the fields say the particulars."""
    logger.log(level, name, extra={"fields": fields})


def info(name: str, **fields: object) -> None:
    """An event that an operator may want to see."""
    event(logging.INFO, name, **fields)


def warning(name: str, **fields: object) -> None:
    """An event that an operator should look at."""
    event(logging.WARNING, name, **fields)


def error(name: str, **fields: object) -> None:
    """An event that needs an operator."""
    event(logging.ERROR, name, **fields)
