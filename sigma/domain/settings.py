"""The typed settings registry: every setting there is, with bounds, default and help. A setting without a reader is a defect."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from sigma.domain.errors import InvalidInput

Value = int | float | str | bool
_CLOCK = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d")


class SettingScope(StrEnum):
    """Whose value it is: the installation's (owner only) or a user's."""

    SYSTEM = "system"
    USER = "user"


@dataclass(frozen=True, slots=True)
class SettingSpec:
    """One setting.

    Parameters
    ----------
    name : str
        ``group.word`` in lower case.
    kind : type
        int, float, str or bool.
    default : Value
    scope : SettingScope
    unit : str
        ``s`` for seconds, ``/s`` per second, empty for none.
    low, high : float or None
        Inclusive bounds of a number.
    choices : tuple of str
        Allowed texts; empty when any text may stand.
    off_below : float or None
        0 switches it off; every other number is at least this.
    names_account : bool
        The text is the name of one of the user's accounts, or empty.
    time_of_day : bool
        The text is a time on the Indian clock, ``HH:MM``.
    """

    name: str
    kind: type
    default: Value
    help: str
    scope: SettingScope = SettingScope.SYSTEM
    unit: str = ""
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    advanced: bool = False
    off_below: float | None = None
    names_account: bool = False
    time_of_day: bool = False

    def parse(self, raw: object) -> Value:
        """Return `raw` (a value or its text) as this setting's value.

        Raises
        ------
        InvalidInput
            Of the wrong type, out of bounds, or not among the choices.
        """
        value = self._typed(raw)
        if isinstance(value, int | float) and not isinstance(value, bool) and not self._inside(value):
            low = self.low if self.off_below is None else f"{self.off_below} (0: off)"
            raise InvalidInput(f"Setting {self.name} must lie between {low} and {self.high} {self.unit}, was {raw!r}.")
        if self.time_of_day and not _CLOCK.fullmatch(str(value)):
            raise InvalidInput(f"Setting {self.name} takes a time such as 08:30, was {raw!r}.")
        if self.choices and value not in self.choices:
            raise InvalidInput(f"Setting {self.name} must be one of {', '.join(self.choices)}, was {raw!r}.")
        return value

    def _inside(self, value: float) -> bool:
        if self.off_below is not None and 0 < value < self.off_below:
            return False
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)

    def _typed(self, raw: object) -> Value:
        text = str(raw).strip()
        try:
            if self.kind is bool:
                return {"true": True, "on": True, "yes": True, "1": True, "false": False, "off": False, "no": False, "0": False}[
                    text.lower()
                ]
            return self.kind(text)  # type: ignore[no-any-return]
        except (ValueError, KeyError):
            raise InvalidInput(f"Setting {self.name} takes {self.kind.__name__}, was {raw!r}.") from None


def _registry(*specs: SettingSpec) -> dict[str, SettingSpec]:
    table: dict[str, SettingSpec] = {}
    for spec in specs:
        if spec.name in table:
            raise ValueError(f"setting {spec.name} is defined twice")
        if spec.parse(spec.default) != spec.default:
            raise ValueError(f"default of setting {spec.name} is not a value of its own")
        table[spec.name] = spec
    return table


def _seconds(name: str, default: float, low: float, high: float, help_text: str, *, advanced: bool = True) -> SettingSpec:
    return SettingSpec(name, float, default, help_text, unit="s", low=low, high=high, advanced=advanced)


SETTINGS = _registry(
    _seconds("orders.approval_max_age", 60.0, 1, 3600, "An approved order unsent for this long returns to the queue."),
    _seconds("orders.send_window", 5.0, 0.05, 30, "Time between the claim of a write and the latest moment it may leave."),
    _seconds("orders.call_timeout", 7.0, 0.1, 60, "How long a write waits for the broker's answer."),
    _seconds("orders.visibility_delay", 30.0, 0, 600, "How long a broker's book may lag its acceptance."),
    _seconds("orders.absence_gap", 10.0, 0.05, 300, "Time between the two book reads that together prove absence."),
    _seconds("orders.settle_every", 2.0, 0.05, 60, "How often the book is read while an outcome is unknown."),
    _seconds("orders.max_clock_skew", 30.0, 1, 600, "Sending stops when the broker's clock is off by more."),
    _seconds("orders.quote_max_age", 5.0, 0.5, 600, "A quote older than this does not value a market order."),
    _seconds("sync.active", 5.0, 0.1, 60, "How often the order book is read while orders are active.", advanced=False),
    _seconds("sync.after_send", 1.0, 0, 10, "How soon after a write the order book is read."),
    _seconds("sync.idle", 45.0, 1, 600, "How often the order book is read otherwise.", advanced=False),
    _seconds("sync.triggers", 15.0, 0.5, 600, "How often a broker's resting triggers are read while one of them may fire."),
    _seconds("sync.triggers_idle", 300.0, 10, 3600, "How often a broker's resting triggers are read while none is known."),
    _seconds("session.check", 60.0, 1, 3600, "How old the last check of a broker session may be."),
    _seconds("worker.heartbeat", 2.0, 0.2, 60, "How often the worker says that it lives."),
    _seconds("worker.scan", 1.0, 0.05, 10, "How often the worker looks for work it was not woken for."),
    _seconds("worker.accounts", 1.0, 0.2, 60, "How often the worker looks for new and removed accounts."),
    _seconds("worker.hung_after", 30.0, 1, 600, "A writer that gave no sign of life for this long is killed and replaced."),
    _seconds("kill.every", 1.0, 0.05, 30, "How often a kill run looks at what is left."),
    _seconds("kill.settle_within", 120.0, 5, 3600, "How long a kill run waits without any progress before it goes on."),
    _seconds("kill.retry_after", 3.0, 0, 60, "Pause before a refused exit is sent again (doubled each time), and after a fill."),
    SettingSpec("kill.exit_attempts", int, 3, "How often a kill run tries to close one position.", low=1, high=10, advanced=True),
    _seconds("kill.flat_gap", 2.0, 0, 60, "Time between the two reads that together prove that nothing is left."),
    _seconds("kill.check_every", 5.0, 1, 60, "How often the worker looks for what trips a stop or is to be squared off."),
    SettingSpec(
        "kill.on_daily_loss",
        bool,
        False,
        "Whether a scope that lost its max_daily_loss is stopped by itself.",
        scope=SettingScope.USER,
    ),
    SettingSpec(
        "kill.on_feed_loss",
        float,
        0.0,
        "Trading is stopped when live prices are lost for this long in market hours while positions are open; 0: never.",
        scope=SettingScope.USER,
        unit="s",
        low=0,
        high=3600,
        off_below=10,
    ),
    SettingSpec(
        "kill.on_lost_writes",
        int,
        0,
        "An account is stopped when so many of its writes got no clear answer in five minutes; 0: never.",
        scope=SettingScope.USER,
        low=0,
        high=1000,
    ),
    SettingSpec(
        "kill.trip_does",
        str,
        "cancel",
        "What a stop that trips by itself does beyond blocking new orders.",
        scope=SettingScope.USER,
        choices=("block", "cancel", "flatten"),
    ),
    _seconds("signals.max_age", 900.0, 1, 86400, "An older signal is marked late and asks again at approval.", advanced=False),
    _seconds("signals.dedupe_window", 60.0, 0, 3600, "The same message without an id within this time is a duplicate."),
    SettingSpec("signals.rate", int, 300, "Accepted webhook messages per second.", unit="/s", low=1, high=10_000, advanced=True),
    SettingSpec(
        "signals.failed_rate",
        int,
        10,
        "Wrong webhook secrets per minute and address.",
        unit="/min",
        low=1,
        high=1000,
        advanced=True,
    ),
    SettingSpec("sign_in.lasts_hours", int, 168, "How long a browser stays signed in.", unit="h", low=1, high=8760),
    SettingSpec("gateway.tick_clients", int, 2000, "How many clients may hear live ticks.", low=1, high=20_000, advanced=True),
    SettingSpec("gateway.tick_listings", int, 500, "How many listings one of them may watch.", low=1, high=5000, advanced=True),
    SettingSpec(
        "sign_in.failed_rate",
        int,
        10,
        "Wrong passwords per minute, by address and by name.",
        unit="/min",
        low=1,
        high=1000,
        advanced=True,
    ),
    SettingSpec(
        "instruments.stale_policy",
        str,
        "warn",
        "What an instrument table older than a day does to orders.",
        choices=("warn", "fail"),
    ),
    SettingSpec("instruments.max_age_hours", int, 36, "An instrument table older than this is stale.", unit="h", low=1, high=720),
    SettingSpec(
        "instruments.refresh_at", str, "08:30", "When the worker downloads instrument tables each day (IST).", time_of_day=True
    ),
    _seconds("instruments.check_every", 60.0, 5, 3600, "How often the worker looks whether an instrument table is due."),
    _seconds("instruments.retry_after", 900.0, 60, 86400, "How soon a failed download of an instrument table is tried again."),
    SettingSpec(
        "instruments.lists",
        str,
        "all",
        "Public lists that teach ISINs, downloaded each day: their names with commas between, all, or empty for none.",
        advanced=True,
    ),
    SettingSpec(
        "instruments.default_exchange",
        str,
        "NSE",
        "Exchange of a symbol written without one.",
        scope=SettingScope.USER,
        choices=("NSE", "BSE"),
    ),
    SettingSpec(
        "orders.preferred_account",
        str,
        "",
        "Account preset when approving, unless one was used before.",
        scope=SettingScope.USER,
        names_account=True,
    ),
    SettingSpec(
        "orders.off_hours",
        str,
        "FAIL",
        "What becomes of an order without a strategy that the broker refuses because the market is closed: AMO, an after-market "
        "order; WAIT, it goes out when the market opens; GTT, a resting trigger; FAIL, the refusal stands.",
        scope=SettingScope.USER,
        choices=("FAIL", "AMO", "WAIT", "GTT"),
    ),
    SettingSpec(
        "orders.exchange_rate",
        int,
        10,
        "Writes to one exchange segment in any second, of all accounts of this machine together.",
        unit="/s",
        low=2,
        high=100,
        advanced=True,
    ),
    SettingSpec(
        "market.source_account",
        str,
        "",
        "Account whose broker gives quotes for evaluation; empty: the first account at the preferred broker.",
        scope=SettingScope.USER,
        names_account=True,
    ),
    SettingSpec(
        "dashboard.excluded_accounts",
        str,
        "",
        "Accounts that Home leaves out of its sums: their names, with commas between.",
        scope=SettingScope.USER,
    ),
    SettingSpec(
        "dashboard.include_holdings",
        bool,
        True,
        "Whether Home counts holdings into the day's gain and shows their value.",
        scope=SettingScope.USER,
    ),
    _seconds("market.quote_cache", 1.0, 0, 10, "How long a quote is given again without asking the broker."),
    _seconds("market.bars_refresh", 5.0, 0, 300, "How long the forming bar is given again without asking the broker."),
    _seconds("market.tick_max_age", 5.0, 0.5, 60, "A listing whose last tick is older than this is asked for at its broker."),
    _seconds("market.feed_silent_after", 30.0, 2, 600, "A live feed without a tick for this long, in market hours, is silent."),
    _seconds("market.feed_dead_after", 20.0, 2, 300, "A live feed without even a heartbeat for this long is connected anew."),
    SettingSpec("market.record_ticks", bool, False, "Whether the worker writes every tick of the live feeds to disk."),
    SettingSpec("market.ticks_retention_days", int, 30, "How long recorded ticks are kept.", unit="days", low=1, high=3650),
    _seconds("market.poll_every", 2.0, 1, 60, "How often the worker reads the prices of what people hold and order."),
    SettingSpec(
        "paper.cash",
        int,
        1_000_000,
        "Rupees that a new paper account begins with.",
        scope=SettingScope.USER,
        low=1000,
        high=10_000_000_000,
    ),
    SettingSpec(
        "paper.slippage_ticks",
        int,
        0,
        "By how many ticks paper orders execute worse than the depth says.",
        scope=SettingScope.USER,
        low=0,
        high=100,
    ),
    SettingSpec(
        "paper.slippage_percent",
        float,
        0.0,
        "By how many percent of the last price paper orders execute worse than the depth says, on top of the ticks.",
        scope=SettingScope.USER,
        low=0,
        high=5,
    ),
    SettingSpec(
        "paper.price_max_age",
        float,
        30.0,
        "Paper orders wait rather than execute at a quote older than this.",
        scope=SettingScope.USER,
        unit="s",
        low=1,
        high=3600,
    ),
    _seconds("paper.match_every", 1.0, 0.1, 60, "How often the worker matches paper orders with the market."),
    _seconds("portfolio.max_age", 60.0, 1, 3600, "Older stored holdings and positions are shown as stale.", advanced=False),
    SettingSpec(
        "portfolio.refresh_every",
        float,
        0.0,
        "How often the worker reads holdings, positions and funds anew; 0: only after fills and logins.",
        unit="s",
        low=0,
        high=180,
        off_below=60,
    ),
)


def setting(name: str) -> SettingSpec:
    """Return the spec of `name`.

    Raises
    ------
    InvalidInput
        There is no such setting.
    """
    if name not in SETTINGS:
        raise InvalidInput(f"There is no setting {name!r}.", hint="`sigma settings` lists them.")
    return SETTINGS[name]
