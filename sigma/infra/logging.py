"""Structured logs: one JSON line for each event, with a correlation id, and never a secret.

Everything goes through one place, records of the standard library (the SDKs, urllib3) included: whatever looks like a
secret by its key or its shape is taken out, and so is every value that was registered by `hide_secrets`.
"""

from __future__ import annotations

import contextlib
import logging
import logging.handlers
import os
import re
import secrets
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from io import TextIOWrapper
from pathlib import Path
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from sigma.domain.errors import ConfigError

HIDDEN = "…"
SHORTEST_HIDDEN = 4
FILE_BYTES = 10_000_000
FILES_KEPT = 5

SECRET_KEY = re.compile(
    r"secret|token|passw|authoriz|\bjwt|cookie|checksum|api[_-]?key|private[_-]?key|\b(pin|otp|totp|mpin)\b|_(pin|otp|totp)$",
    re.IGNORECASE,
)
# Shapes in running text: `Bearer x`, `token key:access`, JSON members and query or form parameters with a secret's name,
# and JSON web tokens wherever they stand.
_NAMES = (
    r"[\w-]*(?:secret|token|passw(?:or)?d|jwt|checksum|api[_-]?key|private[_-]?key)[\w-]*|authorization|cookie|pin|mpin|otp|totp"
)
SHAPES = (
    (re.compile(r"\b(bearer)\s+[^\s\"',;]+", re.IGNORECASE), rf"\1 {HIDDEN}"),
    (re.compile(r"\b(token)\s+[\w\-…]+:[^\s\"',;]+", re.IGNORECASE), rf"\1 {HIDDEN}"),
    (
        re.compile(rf"(?P<q>[\"'])(?P<k>{_NAMES})(?P=q)\s*:\s*(?P<v>[\"'])(?:\\.|(?!(?P=v)).)*(?P=v)", re.IGNORECASE),
        rf"\g<q>\g<k>\g<q>: \g<v>{HIDDEN}\g<v>",
    ),
    (re.compile(rf"(?<![\w\"'])({_NAMES})=[^&\s,;)\"']+", re.IGNORECASE), rf"\1={HIDDEN}"),
    (re.compile(r"\beyJ[\w-]{5,}\.[\w-]+\.[\w-]*"), HIDDEN),
)

OURS = "sigma"
_installed: list[tuple[logging.Logger, logging.Handler]] = []
_hidden: set[str] = set()
_hidden_lock = threading.Lock()
_pattern: re.Pattern[str] | None = None


def hide_secrets(values: Iterable[str]) -> None:
    """Keep these texts out of every log from now on. Texts under four characters are not registered: they are everywhere."""
    global _pattern
    fresh = {value.strip() for value in values if len(value.strip()) >= SHORTEST_HIDDEN} - _hidden
    if not fresh:
        return
    with _hidden_lock:
        _hidden.update(fresh)
        longest_first = sorted(_hidden, key=len, reverse=True)
        _pattern = re.compile("|".join(map(re.escape, longest_first)))


def redact(text: str) -> str:
    """Return `text` without anything that is registered or looks like a secret."""
    clean = _pattern.sub(HIDDEN, text) if _pattern is not None else text
    for shape, put in SHAPES:
        clean = shape.sub(put, clean)
    return clean


def redacting(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Take secrets out of a whole event: structlog processor."""
    return {key: value if key.startswith("_") else _clean(key, value) for key, value in event.items()}


def _clean(key: str, value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return HIDDEN if isinstance(value, int) and not isinstance(value, bool) and SECRET_KEY.search(key) else value
    if SECRET_KEY.search(key):
        return HIDDEN
    if isinstance(value, Mapping):
        return {str(name): _clean(str(name), part) for name, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean("", part) for part in value]
    return redact(value if isinstance(value, str) else str(value))


SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.stdlib.PositionalArgumentsFormatter(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
    structlog.processors.format_exc_info,
    redacting,
]


TALKATIVE = ("apscheduler", "uvicorn.access")
"""Loggers that tell each run or request at INFO: two lines a second would bury what matters."""


@contextlib.contextmanager
def correlated(correlation_id: str = "") -> Iterator[str]:
    """Bind a correlation id (a new one when none is given) to all that is logged and recorded within."""
    bound = correlation_id or secrets.token_hex(8)
    with structlog.contextvars.bound_contextvars(correlation_id=bound):
        yield bound


def configure_logging(home: Path, process: str = "", *, console: bool = False, level: str = "INFO") -> Path:
    """Send the logs of this process to a file in ``home/logs`` (JSON lines, 0600, rotating) and, if wanted, to stderr.

    Parameters
    ----------
    process : str
        Name of a long-running process (``worker``, ``gateway``): all its logs, those of other libraries included, go to
        ``PROCESS.log``. Without a name (a notebook, a command) only our own do, to ``desk.log``, and the root logger is
        left as it is.
    console : bool
        Also write to stderr, for people.

    Returns
    -------
    Path
        The log file.

    Raises
    ------
    ConfigError
        The folder cannot be made.
    """
    for talkative in TALKATIVE:
        logging.getLogger(talkative).setLevel(logging.WARNING)
    folder = home / "logs"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"The folder for logs cannot be made: {error}", hint="Make room, or let this user write there."
        ) from error
    path = folder / f"{process or 'desk'}.log"
    handlers = [_file_handler(path)]
    if console:
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
        handlers.append(_handler(logging.StreamHandler(sys.stderr), renderer))
    _install(logging.getLogger() if process else logging.getLogger(OURS), handlers, level)
    logging.captureWarnings(bool(process))
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    return path


def _install(logger: logging.Logger, handlers: Iterable[logging.Handler], level: str) -> None:
    """Put our handlers in the place of those that an earlier call put anywhere; foreign ones stay."""
    while _installed:
        owner, old = _installed.pop()
        owner.removeHandler(old)
        old.close()
    for handler in handlers:
        logger.addHandler(handler)
        _installed.append((logger, handler))
    logger.setLevel(level)


class PrivateRotatingFile(logging.handlers.RotatingFileHandler):
    """A rotating log file that only its owner can read, from the moment it is made.

    When it cannot be written (a full disk), one line on stderr says so; the record itself, which may hold anything, is not
    shown there.
    """

    told = False

    def _open(self) -> TextIOWrapper:
        file = os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        os.fchmod(file, 0o600)
        return os.fdopen(file, self.mode, encoding="utf-8")  # type: ignore[return-value]

    def handleError(self, _record: logging.LogRecord) -> None:
        """Say once that the file cannot be written."""
        if not self.told:
            self.told = True
            sys.stderr.write(f"The log {self.baseFilename} cannot be written: {sys.exc_info()[1]}\n")


def _file_handler(path: Path) -> logging.Handler:
    file = PrivateRotatingFile(path, maxBytes=FILE_BYTES, backupCount=FILES_KEPT, encoding="utf-8", delay=True)
    return _handler(file, structlog.processors.JSONRenderer(ensure_ascii=False, default=str))


def _handler(handler: logging.Handler, renderer: Processor) -> logging.Handler:
    meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=SHARED, processors=[meta, renderer]))
    return handler
