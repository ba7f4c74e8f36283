"""What an answer proves. Each broker has a table of proven refusals; whatever is not in it proves nothing."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import NoReturn

from sigma.adapters.transport import Flight, HttpAnswer, Redactor, WatchedSession
from sigma.domain.answers import ADDRESS_REFUSED, WriteAnswer
from sigma.domain.errors import BrokerUnavailable, InvalidInput, RateLimited, SessionExpired, SigmaError
from sigma.domain.orders import CommandKind, Outcome

logger = logging.getLogger(__name__)

_HTTP_OK = range(200, 300)
_HTTP_TOO_MANY = 429

# HTTP 400 is also used for orders that timed out on their way to the exchange: "Order request timed out. Please check the
# order book and confirm before placing again." [wire.md B1]. Such words undo every proof.
DOUBT = re.compile(
    r"tim(?:e|ed|ing)[\s-]*out|check (?:the|your) order\s*book|confirm before|not (?:be )?confirmed|gateway|no response|unknown",
    re.IGNORECASE,
)
# Some codes are used for refusals and for lost answers alike: with them only the words can prove a refusal.
REFUSING_WORDS = re.compile(
    r"cannot be (?:cancel|modif|placed|process)|not (?:allowed|enabled|permitted|open|supported)|could ?n['o]t find|not found"
    r"|does ?n[o']t exist|invalid|insufficient|exceed|blocked|banned|restricted|reject|markets? (?:is|are) closed"
    r"|after market order|\bAMO\b|must be|tick size|multiples? of|circuit|freeze|market.?protection"
    r"|already (?:been )?(?:cancel|complete|execut)",
    re.IGNORECASE,
)


class Meaning(Enum):
    """What sort of refusal a row of the table proves."""

    REFUSED = "refused"
    SESSION = "session"
    RATE = "rate"
    ADDRESS = "address"


@dataclass(frozen=True, slots=True)
class Said:
    """An answer in the table's terms.

    Parameters
    ----------
    code : str
        Kite's ``error_type``, SmartAPI's ``errorcode``; empty when the body is no envelope of theirs.
    success, refusal : bool
        Whether the envelope says one or the other in so many words; both False proves nothing.
    """

    status: int
    success: bool = False
    refusal: bool = False
    code: str = ""
    text: str = ""
    data: object = None


@dataclass(frozen=True, slots=True)
class Proof:
    """One row of a table: HTTP statuses x codes x text that prove a refusal.

    Parameters
    ----------
    codes : frozenset of str
        Empty: the answer is no envelope but a bare text, which `text` must match.
    text, unless : pattern or None
        The message must match `text`, and must not match `unless`.
    only : frozenset or None
        The writes for which it is a proof (a None among them: reads and logins); None for every call.
    """

    meaning: Meaning
    statuses: frozenset[int]
    codes: frozenset[str] = frozenset()
    text: re.Pattern[str] | None = None
    unless: re.Pattern[str] | None = None
    only: frozenset[CommandKind | None] | None = None

    def holds(self, said: Said, kind: CommandKind | None) -> bool:
        """Say whether this row covers the answer to a write of this kind (None: a read or a login)."""
        if said.status not in self.statuses or said.success:
            return False
        if self.codes and not (said.refusal and said.code in self.codes):
            return False
        if not self.codes and (said.refusal or self.text is None):
            return False
        if self.only is not None and kind not in self.only:
            return False
        if self.text is not None and not self.text.search(said.text):
            return False
        return self.unless is None or not self.unless.search(said.text)


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one broker answers: its name for messages, how to understand an answer, where the order id is, what is proven."""

    title: str
    understand: Callable[[HttpAnswer], Said]
    order_id: Callable[[object], object]
    proofs: tuple[Proof, ...]

    def proof(self, said: Said, kind: CommandKind | None = None) -> Meaning | None:
        """Return what the answer proves, None when nothing."""
        return next((row.meaning for row in self.proofs if row.holds(said, kind)), None)


def json_body(answer: HttpAnswer) -> object:
    """Return the body as JSON with exact decimals, None when it is none."""

    def refuse(constant: str) -> NoReturn:
        raise ValueError(f"{constant} is no JSON")

    try:
        return json.loads(answer.body, parse_float=Decimal, parse_constant=refuse)
    except (ValueError, RecursionError):
        return None


def body_text(answer: HttpAnswer) -> str:
    """Return the body as text, whatever it is."""
    return answer.body.decode("utf-8", errors="replace")


class Line:
    """One client of a broker's SDK on a watched session: the only place where its calls are made and read.

    Parameters
    ----------
    clean : Redactor
        Knows the account's secrets; everything that leaves passes through it.
    login : bool
        Whether a plain refusal is the fault of what the person entered: InvalidInput.
    """

    def __init__(self, dialect: Dialect, session: WatchedSession, clean: Redactor, *, login: bool = False) -> None:
        self._dialect, self._session, self._clean, self._login = dialect, session, clean, login

    def ask(self, what: str, call: Callable[[], object]) -> HttpAnswer:
        """Make a read (or a login step) and return its successful answer; `what` names it in messages.

        Raises
        ------
        SessionExpired, RateLimited, BrokerUnavailable
            The answer was not a success.
        InvalidInput
            A login was refused for what was entered.
        """
        flight = self.fly(call)
        if flight.answer is None:
            raise self.unanswered(what, flight)
        if problem := self.refusal(what, flight.answer):
            raise problem
        return flight.answer

    def fly(self, call: Callable[[], object]) -> Flight:
        """Make a call of one or more requests and return what was seen of it."""
        return self._session.fly(call)

    def ask_data(self, what: str, call: Callable[[], object]) -> tuple[object, HttpAnswer]:
        """Make a read and return the ``data`` of its envelope, and the answer itself."""
        answer = self.ask(what, call)
        return self._dialect.understand(answer).data, answer

    def tell(
        self,
        kind: CommandKind,
        prepare: Callable[[], Callable[[], object]],
        *,
        send_by_ns: int | None = None,
        named: Callable[[object], object] | None = None,
    ) -> WriteAnswer:
        """Make one write, once, and say what is known of it. Never raises.

        Parameters
        ----------
        prepare : callable
            Returns the call; whatever it raises (a listing without a broker's name, a failing lookup) is NOT_SENT.
        named : callable, optional
            Where a success says what it is about, the order id unless told otherwise. A conversion is about nothing with an id.
        """
        try:
            call = prepare()
        except SigmaError as error:
            return WriteAnswer(Outcome.NOT_SENT, code=error.code, text=self._clean(str(error)))
        except Exception as error:
            logger.warning("%s %s: not sent: %s", self._dialect.title, kind, type(error).__name__)
            text = f"It could not be put into {self._dialect.title}'s words: {type(error).__name__}: {error}"
            return WriteAnswer(Outcome.NOT_SENT, code="UNTRANSLATABLE", text=self._clean(text))
        flight = self._session.fly(call, leave_by_ns=send_by_ns)
        answer = self._read_write(kind, flight, named or self._dialect.order_id)
        if answer.outcome is Outcome.UNKNOWN:
            logger.warning("%s %s: outcome unknown: %s", self._dialect.title, kind, answer.text)
        return answer

    def _read_write(self, kind: CommandKind, flight: Flight, named: Callable[[object], object]) -> WriteAnswer:
        title = self._dialect.title
        if flight.answer is None:
            if flight.requests and not flight.began:
                why = "it was too late to send" if flight.late else "no connection"
                return WriteAnswer(Outcome.NOT_SENT, code=flight.problem, text=f"{title} was not reached: {why}.")
            return WriteAnswer(Outcome.UNKNOWN, code=flight.problem, text=f"{title} gave no answer that could be read.")
        said = self._dialect.understand(flight.answer)
        meaning = self._dialect.proof(said, kind)
        broker_id = None if kind is CommandKind.CONVERT else named(said.data)
        is_named = isinstance(broker_id, str) and bool(broker_id.strip())
        accepted = said.success and (is_named or kind is CommandKind.CONVERT)
        outcome = Outcome.ACCEPTED if accepted else Outcome.REFUSED if meaning else Outcome.UNKNOWN
        return WriteAnswer(
            outcome,
            broker_order_id=broker_id.strip() if accepted and isinstance(broker_id, str) else None,
            code=self._clean(said.code),
            text=self._clean(_with_address(said.text) if meaning is Meaning.ADDRESS else said.text),
            http_status=said.status,
            retry_after=flight.answer.retry_after if meaning is Meaning.RATE else None,
            server_time=flight.answer.date,
            session_expired=meaning is Meaning.SESSION,
            rate_limited=meaning is Meaning.RATE,
        )

    def refusal(self, what: str, answer: HttpAnswer) -> SigmaError | None:
        """Return the error that an answer to a read stands for, None when it is a success."""
        said, title = self._dialect.understand(answer), self._dialect.title
        if said.success:
            return None
        words = self._clean(" ".join(part for part in (said.code, said.text) if part)).rstrip(".") or "no words"
        meaning = self._dialect.proof(said)
        if meaning is Meaning.SESSION:
            if self._login:
                hint = "Enter it again; a one-time code or request token is good once, and only for a moment."
                return SessionExpired(f"{title} refused what was entered: {words}.", hint=hint)
            return SessionExpired(f"{title} wants a new login for {what}: {words}.", hint="Log in again.")
        if meaning is Meaning.RATE or said.status == _HTTP_TOO_MANY:
            return RateLimited(f"{title} refused {what} for rate: {words}.", retry_after=answer.retry_after)
        message = f"{title} did not answer {what} (HTTP {said.status}): {words}."
        if meaning and self._login:
            return InvalidInput(f"{title} refused {what}: {words}.", hint="Check what was entered.")
        if meaning:
            return BrokerUnavailable(message, code="BROKER_REFUSED", retryable=False)
        return BrokerUnavailable(message, hint="Try again in a moment.")

    def unanswered(self, what: str, flight: Flight) -> BrokerUnavailable:
        """Return the error of a read that got no answer."""
        how = "gave no answer to" if flight.began else "could not be reached for"
        return BrokerUnavailable(f"{self._dialect.title} {how} {what}: {flight.why}.", hint="Check the network and try again.")


def _with_address(text: str) -> str:
    """Return a broker's words with what they mean: codes and wordings differ, and what to do is the same."""
    return f"{text.rstrip('.')} ({ADDRESS_REFUSED})"


def succeeded(status: int) -> bool:
    """Say whether an HTTP status is a success."""
    return status in _HTTP_OK


def codes(*names: str) -> frozenset[str]:
    """Return error codes as a set, for the tables."""
    return frozenset(names)


def statuses(*numbers: int) -> frozenset[int]:
    """Return HTTP statuses as a set, for the tables."""
    return frozenset(numbers)


def calls(*kinds: CommandKind | None) -> frozenset[CommandKind | None]:
    """Return kinds of calls as a set, for the tables; None is a read or a login."""
    return frozenset(kinds)
