"""Every error a caller of SigmaTrader can meet. Each says what happened, to what, and what to do next."""

from __future__ import annotations


class SigmaError(Exception):
    """Base of all errors of the product.

    Parameters
    ----------
    message : str
        What happened, and to what.
    hint : str, optional
        What the person should do next.
    code : str, optional
        A stable word for programs; defaults to the class's own.
    retryable : bool, optional
        Whether the same call may succeed later without a change.
    """

    default_code = "SIGMA_ERROR"
    default_retryable = False

    def __init__(self, message: str, *, hint: str = "", code: str | None = None, retryable: bool | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code or self.default_code
        self.retryable = self.default_retryable if retryable is None else retryable

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class ConfigError(SigmaError):
    """The installation or a setting is wrong: a missing key file, an unusable URL."""

    default_code = "CONFIG"


class NotFound(SigmaError):
    """Something named does not exist."""

    default_code = "NOT_FOUND"


class UnknownListing(NotFound):
    """No listing of that name exists; `near` are those that may have been meant, the likeliest first."""

    def __init__(self, message: str, *, near: tuple[str, ...] = (), hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.near = near


class Conflict(SigmaError):
    """Something changed meanwhile, or its state does not allow the act."""

    default_code = "CONFLICT"


class InvalidOrder(SigmaError):
    """An order (or a signal) that could never be right: wrong quantity, price, product."""

    default_code = "INVALID_ORDER"


class InvalidInput(SigmaError):
    """Input other than an order that does not mean anything: a payload, a setting, a credential."""

    default_code = "INVALID_INPUT"


class Denied(SigmaError):
    """The caller is not who it must be: a wrong secret, another user's row."""

    default_code = "DENIED"


class StaleData(SigmaError):
    """Data is older than it may be for this use."""

    default_code = "STALE_DATA"
    default_retryable = True


class ExpressionError(SigmaError):
    """An expression that cannot be read or typed; `line` and `column` count from 1."""

    default_code = "EXPRESSION"

    def __init__(self, message: str, *, line: int = 1, column: int = 1, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.line = line
        self.column = column


class BrokerError(SigmaError):
    """A broker's answer, or the lack of one."""

    default_code = "BROKER"


class SessionExpired(BrokerError):
    """The broker wants a new login."""

    default_code = "SESSION_EXPIRED"


class RateLimited(BrokerError):
    """Refused for rate, by a broker or at sign-in; `retry_after` is in seconds, or None when it was not said."""

    default_code = "RATE_LIMITED"
    default_retryable = True

    def __init__(self, message: str, *, retry_after: float | None = None, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class NoTurn(RateLimited):
    """Not even asked: the broker's limit on such calls is used up for longer than the caller would wait."""

    default_code = "NO_TURN"


class BrokerUnavailable(BrokerError):
    """The broker could not be reached or did not answer a read."""

    default_code = "BROKER_UNAVAILABLE"
    default_retryable = True


class OutcomeUnknown(BrokerError):
    """A write went out and its outcome is not known."""

    default_code = "OUTCOME_UNKNOWN"


class OrderRejected(BrokerError):
    """The broker or the exchange refused an order."""

    default_code = "ORDER_REJECTED"


class InsufficientFunds(OrderRejected):
    """Refused for want of margin."""

    default_code = "INSUFFICIENT_FUNDS"


class Unsupported(BrokerError):
    """The broker has no such feature; see its capabilities."""

    default_code = "UNSUPPORTED"
