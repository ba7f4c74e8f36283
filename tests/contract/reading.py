"""The contract, first half: logging in, and reading what the account has."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from sigma.domain.errors import InvalidInput, SessionExpired, Unsupported
from sigma.domain.orders import OrderStatus, OrderType, Outcome, Product
from sigma.domain.times import to_ist
from sigma.engines.master_frame import rows_of
from tests.contract.stage import Stage, buy, new_tag


class LoginContract:
    """Logging in and out."""

    def test_a_login_is_verified_by_the_profile(self, stage: Stage) -> None:
        session, profile = stage.login().connect(stage.given())
        assert session.client_id == profile.client_id == stage.client_id
        assert profile.name
        assert session.obtained_at <= stage.context.clock.now() < session.expires_at

    def test_a_session_dies_at_the_hour_that_the_capabilities_name(self, stage: Stage) -> None:
        session = stage.connect()
        ends = to_ist(session.expires_at)
        assert f"{ends:%H:%M}" == stage.kit.capabilities.day_ends
        assert session.expires_at - session.obtained_at <= timedelta(days=1)

    def test_a_ready_access_token_is_taken_and_verified(self, stage: Stage) -> None:
        token = next(iter(stage.connect().tokens.values()))
        session, profile = stage.login().connect({"access_token": token})
        assert profile.client_id == stage.client_id
        assert stage.broker_of(session).profile().client_id == stage.client_id

    def test_a_token_that_is_none_is_refused(self, stage: Stage) -> None:
        with pytest.raises(SessionExpired):
            stage.login().connect({"access_token": "nonsense"})

    def test_a_missing_field_is_named(self, stage: Stage) -> None:
        with pytest.raises(InvalidInput):
            stage.login().connect({})

    def test_the_login_of_another_client_is_seen(self, stage: Stage) -> None:
        """By the adapter where the client is stored, by its caller where only the profile names it."""
        other = stage.kit.authenticator(stage.credentials(stage.other), stage.context)
        session, profile = other.connect(stage.given(stage.other))
        assert session.client_id == profile.client_id == stage.other["client_id"] != stage.client_id

    def test_a_login_that_is_over_is_refused_and_says_so(self, stage: Stage) -> None:
        session = stage.connect()
        broker = stage.broker_of(session)
        stage.login().logout(session)
        with pytest.raises(SessionExpired):
            broker.profile()

    def test_an_expired_session_raises_on_reads_and_refuses_writes(self, stage: Stage) -> None:
        broker = stage.broker_of(stage.connect())
        stage.control.post("session/expire", {"client_id": stage.client_id})
        for read in (broker.profile, broker.funds, broker.holdings, broker.positions, broker.order_book, broker.fills):
            with pytest.raises(SessionExpired):
                read()
        with pytest.raises(SessionExpired):
            broker.quotes(["NSE:INFY"])
        answer = broker.place(buy(), new_tag())
        assert (answer.outcome, answer.session_expired) == (Outcome.REFUSED, True)


class ReadingContract:
    """Reading what the account has."""

    def test_the_profile_names_the_client(self, stage: Stage) -> None:
        assert stage.broker.profile().client_id == stage.client_id

    def test_funds_are_exact_and_add_up(self, stage: Stage) -> None:
        funds = stage.broker.funds()
        assert funds.available > 0
        assert funds.total == funds.available + funds.used
        assert funds.collateral is not None

    def test_a_position_follows_the_fills(self, stage: Stage) -> None:
        before = self._net(stage, "NSE:TCS")
        order, _ = stage.placed(
            buy(3, "NSE:TCS", order_type=OrderType.MARKET, price=None, market_protection=self._protection(stage))
        )
        stage.row(order, lambda row: row.status is OrderStatus.FILLED)
        assert self._net(stage, "NSE:TCS") == before + 3
        row = next(row for row in stage.broker.positions().rows if row.listing == "NSE:TCS")
        assert (row.product, row.multiplier) == (Product.MIS, 1)
        assert row.average_price > 0

    def _net(self, stage: Stage, listing: str) -> int:
        found = stage.broker.positions()
        assert found.bad == ()
        return sum(row.quantity for row in found.rows if row.listing == listing)

    def _protection(self, stage: Stage) -> Decimal | None:
        return Decimal(-1) if stage.kit.capabilities.market_protection else None

    def test_quotes_come_under_canonical_names_and_unknown_ones_are_absent(self, stage: Stage) -> None:
        quotes = stage.broker.quotes(["NSE:INFY", "NSE:NOSUCH", "BSE:TCS", "NSE:NIFTY 50"])
        assert quotes.keys() == {"NSE:INFY", "BSE:TCS", "NSE:NIFTY 50"}
        quote = quotes["NSE:INFY"]
        assert (quote.listing, quote.last_price) == ("NSE:INFY", Decimal(1450))
        assert abs(quote.at - stage.context.clock.now()) < timedelta(minutes=1)
        assert quote.bids
        assert quote.asks
        assert quote.lower_circuit is not None
        assert quote.upper_circuit is not None
        assert quote.bids[0].price <= quote.last_price <= quote.asks[0].price

    def test_more_quotes_than_one_call_may_ask_for_are_refused_here(self, stage: Stage) -> None:
        with pytest.raises(Unsupported):
            stage.broker.quotes(["NSE:INFY"] * (stage.kit.capabilities.quote_batch + 1))

    def test_no_quote_is_asked_for_when_nothing_is_known(self, stage: Stage) -> None:
        assert stage.broker.quotes(["NSE:NOSUCH"]) == {}


class OwnedContract:
    """Reading what a broker keeps of its own: its demat, its names of listings."""

    def test_holdings_are_those_of_the_account(self, stage: Stage) -> None:
        found = stage.broker.holdings()
        assert found.bad == ()
        held = {row.listing: row for row in found.rows}
        account = stage.server.exchange.account(stage.name, stage.client_id)
        assert account is not None
        wanted = {each.security.listing: each for each in account.holdings.values()}
        assert held.keys() == wanted.keys()
        for listing, each in wanted.items():
            row = held[listing]
            assert (row.quantity, row.t1_quantity, row.pledged_quantity) == (each.quantity, each.t1, each.pledged)
            assert row.isin == each.security.isin
            assert abs(row.average_price - each.average_price) < Decimal("0.0001")
        assert any(row.t1_quantity for row in found.rows)
        assert any(row.pledged_quantity for row in found.rows)

    def test_every_security_of_the_exchange_resolves_both_ways(self, stage: Stage) -> None:
        listings = stage.lookup.listings(stage.name)
        assert listings == {security.listing for security in stage.server.exchange.universe}
        for listing in listings:
            name = stage.lookup.broker_instrument(stage.name, listing)
            assert stage.lookup.listing_by_symbol(stage.name, name.exchange_code, name.symbol) == listing
            assert stage.lookup.listing_by_token(stage.name, name.exchange_code, name.token) == listing

    def test_the_master_has_rupees_lots_and_contracts_as_the_exchange_has_them(self, stage: Stage) -> None:
        rows = rows_of(stage.name, stage.kit.master({"api_key": "any"}, None, stage.context).rows)
        by_token = {(row.exchange, row.exchange_token): row for row in rows}
        for security in stage.server.exchange.universe:
            row = by_token.get((security.exchange, security.exchange_token))
            if row is None:
                assert security.kind == "INDEX"  # the one kind that does not join
                continue
            assert (row.kind if row.kind != "EQUITY" else security.kind) == security.kind
            assert (row.lot_size, row.expiry, row.strike) == (security.lot, security.expiry, security.strike)
            assert row.option_type == security.option_type
            assert row.tick_size == security.tick or security.kind == "INDEX"
            if row.kind == "EQUITY" and security.exchange == "NSE":
                assert row.series == security.series
