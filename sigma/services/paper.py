"""Paper accounts: what each one stands on, letting its book go on, and beginning it anew."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from sigma.domain.accounts import Account, Capabilities
from sigma.domain.calendar import Calendar
from sigma.domain.errors import Conflict, InvalidInput
from sigma.domain.market import Quote
from sigma.domain.money import LIMIT, decimal_from, indian
from sigma.domain.paper import PaperRules, new_book
from sigma.domain.rates import Rates, no_rates
from sigma.domain.times import ist_date
from sigma.ports.clock import Clock
from sigma.ports.paper import PaperBooks, PaperPlace
from sigma.ports.storage import Store
from sigma.services.accounts import find_account
from sigma.services.events import EventsService
from sigma.services.listings import ListingLookup
from sigma.services.settings import SettingsService

Quotes = Callable[[int, Sequence[str]], Mapping[str, Quote]]


@dataclass(frozen=True)
class PaperHouse:
    """What all paper accounts share.

    Parameters
    ----------
    quotes : callable
        Canonical quotes of a user (id), by canonical text; raises SigmaError when there is no source.
    advance : callable
        Lets happen in a book what is due; says whether anything did.
    rates : mapping of str to Rates
        Tables of charges by broker.
    """

    books: PaperBooks
    listings: ListingLookup
    calendar: Calendar
    rates: Mapping[str, Rates]
    quotes: Quotes
    advance: Callable[[PaperPlace, Clock], bool]


class PaperService:
    """Keeps the books of paper accounts going. Orders go to them as to any broker, through the account's writer."""

    def __init__(self, store: Store, clock: Clock, settings: SettingsService, events: EventsService, house: PaperHouse) -> None:
        self._store, self._clock, self._settings, self._events, self._house = store, clock, settings, events, house

    def place(self, account: Account) -> PaperPlace:
        """Return what an account's adapter stands on.

        Raises
        ------
        NotFound
            No charges are known of such accounts.
        """
        house, user_id = self._house, account.user_id
        if account.broker not in house.rates:
            raise no_rates(account.broker, "an order")
        with self._store.read() as tx:
            owner = tx.users.get(user_id).name
        return PaperPlace(
            account_id=account.id,
            books=house.books,
            quotes=lambda listings: house.quotes(user_id, listings),
            listing=house.listings.listing,
            calendar=house.calendar,
            rates=house.rates[account.broker],
            rules=self._rules(user_id),
            owner=owner,
        )

    def _rules(self, user_id: int) -> PaperRules:
        get = self._settings.get
        return PaperRules(
            start_cash=Decimal(str(get("paper.cash", user_id))),
            slippage_ticks=int(get("paper.slippage_ticks", user_id)),
            slippage_percent=decimal_from(get("paper.slippage_percent", user_id)),
            price_max_age_s=self._settings.seconds("paper.price_max_age", user_id),
        )

    def advance(self, account_id: int) -> bool:
        """Let orders of a paper account execute, and its day go on; say whether anything changed. Nothing for any other.

        Raises
        ------
        SigmaError
            The book could not be read or stored, or the calendar ends; it is as it was.
        """
        with self._store.read() as tx:
            account = tx.accounts.get(account_id)
        return account.simulated and self._house.advance(self.place(account), self._clock)

    def starting_cash(self, capabilities: Capabilities, value: object) -> Decimal:
        """Return the rupees that an account is to begin with; InvalidInput when it is no paper account, or no such amount."""
        if not capabilities.simulated:
            raise InvalidInput(f"An account at {capabilities.title} has its own money.", hint="Leave the starting cash out.")
        try:
            cash = decimal_from(value)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            raise InvalidInput(f"The starting cash must be a number of rupees, was {value!r}.") from None
        if not 0 < cash < LIMIT or cash != round(cash, 2):
            raise InvalidInput(f"The starting cash must be above 0 and below {indian(Decimal(LIMIT), 0)} rupees, in paise.")
        return cash

    def reset(self, user_id: int, account: str | int, cash: Decimal | None = None) -> Account:
        """Begin a paper account anew: nothing held, `cash` rupees (else the setting ``paper.cash``); orders and fills stay.

        Raises
        ------
        NotFound
            The user has no such account.
        InvalidInput
            It is no paper account.
        Conflict
            Orders are at work in it.
        """
        with self._store.read() as tx:
            found = find_account(tx, account, user_id)
        if not found.simulated:
            raise InvalidInput(f"{found.name} is no paper account.", hint="Only paper accounts can begin anew.")
        books, day = self._house.books, ist_date(self._clock.now())
        begun = new_book(self._rules(user_id).start_cash if cash is None else cash, day)
        if not books.open(found.id, begun):
            with books.change(found.id, day) as turn:
                if turn.state.working:
                    told = f"{len(turn.state.working)} orders are at work in {found.name}."
                    raise Conflict(told, hint="Cancel them first.")
                number = turn.state.book.next_number
                turn.put(replace(turn.state, book=replace(begun, next_number=number, first_number=number)))
        told = f"Paper account {found.name} begins with ₹{indian(begun.start_cash)}."
        self._events.record("PAPER_RESET", told, account=found)
        return found
