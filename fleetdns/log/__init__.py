"""The log: one line per fact, for people on a terminal and as JSON elsewhere, times in UTC, no secrets."""

from __future__ import annotations

import logging
import re
import sys
from typing import Any, Final, Literal, TextIO, TypeVar, cast

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

T = TypeVar("T")

Level = Literal["debug", "info", "warning", "error"]

_REMOVED: Final = "[removed]"
_SECRET_KEYS = re.compile(r"authorization|password|secret|token|assertion|credential$", re.IGNORECASE)
# Bearer tokens, and JSON Web Tokens wherever they stand: in an exception's text, say.
_SECRET_TEXT = re.compile(r"(?i:(?<=bearer )\S+)|\beyJ[\w-]+\.[\w-]+(?:\.[\w-]*)?")


def configure(level: str, log_format: str | None, stream: TextIO | None = None) -> None:
    """Log at `level` and above. `log_format`: json, console, or None to choose by the stream (default: stderr).

    Libraries speak from warning on, whatever the level: their debug lines show bodies and headers.
    """
    chosen = stream or sys.stderr
    number = logging.getLevelNamesMapping()[level.upper()]
    renderer = _renderer(log_format or ("console" if chosen.isatty() else "json"), chosen)
    facts: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    ending: list[Processor] = [structlog.processors.format_exc_info, _without_secrets, _headed, renderer]
    structlog.configure(
        processors=[*facts, *ending],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(file=chosen),
        cache_logger_on_first_use=False,  # a logger made before must follow when the log moves
    )
    handler = _Handler(chosen)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*facts, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *ending],
        )
    )
    _route_libraries(handler, max(number, logging.WARNING))


class _Handler(logging.StreamHandler[TextIO]):
    """Ours among the root logger's handlers."""


def _route_libraries(handler: _Handler, level: int) -> None:
    root = logging.getLogger()
    for old in [old for old in root.handlers if isinstance(old, _Handler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    # Its DEBUG shows whole Secrets, and a kubeconfig may ask for it.
    logging.getLogger("kubernetes_asyncio.client.rest").setLevel(max(level, logging.INFO))
    logging.getLogger("azure").setLevel(level)
    # Every credential that is tried and not there is a warning of several lines; what they come to is ours to say.
    logging.getLogger("azure.identity").setLevel(max(level, logging.ERROR))


def _renderer(log_format: str, stream: TextIO) -> Processor:
    if log_format == "json":
        return structlog.processors.JSONRenderer(default=repr)
    # The library's own choice of traceback would show local variables, and with them what they hold.
    return structlog.dev.ConsoleRenderer(
        colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback, sort_keys=False
    )


def _without_secrets(_: WrappedLogger, __: str, facts: EventDict) -> EventDict:
    for key, value in facts.items():
        if _SECRET_KEYS.search(key):
            facts[key] = _REMOVED
        elif isinstance(value, str):
            facts[key] = _SECRET_TEXT.sub(_REMOVED, value)
    return facts


def _headed(_: WrappedLogger, __: str, facts: EventDict) -> EventDict:
    """When, how grave and what come first: people read JSON lines too."""
    head = {key: facts.pop(key) for key in ("timestamp", "level", "event") if key in facts}
    return {**head, **facts}


def fanned(first: T, *others: object) -> T:
    """One observer that tells all of them, in order. It counts as the first; the others need the same methods."""
    return cast("T", _Fan((first, *others)))


class _Fan:
    def __init__(self, observers: tuple[object, ...]) -> None:
        self._observers = observers

    def __getattr__(self, name: str) -> Any:
        told = [getattr(observer, name) for observer in self._observers]

        def tell(*args: object, **named: object) -> None:
            for tell_one in told:
                tell_one(*args, **named)

        # Found by ordinary look-up from now on: watch events come by the thousand.
        setattr(self, name, tell)
        return tell
