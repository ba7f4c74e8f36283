"""What a person does with triggers that rest at a broker: set, change, take away, look, and close what nobody knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sigma.domain.accounts import Account
from sigma.domain.errors import Conflict, InvalidInput, NotFound, Unsupported
from sigma.domain.gtt import Gtt, GttLeg, GttStatus
from sigma.domain.orders import CommandState, OrderRequest, OrderStatus, OrderType, Product, Side
from sigma.engines import lifecycle
from sigma.engines.lifecycle import Act
from sigma.engines.orders import fit
from sigma.engines.triggers import as_request, check_legs, check_wish
from sigma.ports.storage import Unit
from sigma.services.orders.approve import Approval
from sigma.services.orders.gtt import commands_of, new_gtt, want_change, want_order_back, want_removal
from sigma.services.orders.gtt_writes import rest
from sigma.services.orders.house import OrderHouse
from sigma.services.orders.submit import Origin, new_order


class Triggers:
    """The use cases around triggers."""

    def __init__(self, house: OrderHouse, approval: Approval) -> None:
        self._house = house
        self._approval = approval

    def add(
        self,
        account: str | int,
        listing: str,
        side: Side,
        product: Product,
        legs: Sequence[GttLeg],
        *,
        user_id: int,
        origin: Origin,
        client_order_id: str | None = None,
    ) -> Gtt:
        """Set a trigger of one leg or two: its wish is an order that goes through the risk gate like any other.

        A refusal by the gate is a status (FAILED, and its order REJECTED_RISK), not an exception.

        Raises
        ------
        Conflict
            There is an order with this `client_order_id` already.
        InvalidOrder, Unsupported, NotFound, SessionExpired
            Nothing was stored.
        """
        house = self._house
        with house.store.read() as tx:
            target = house.account(tx, account, user_id)
        found, capabilities = house.listings.get(listing), house.capabilities(target)
        first = check_legs(legs)[0]
        plain = OrderRequest(found.text, side, first.quantity, OrderType.LIMIT, product, price=first.price, gtt=True)
        check_wish(plain, capabilities)
        fitted = self._fitted(plain, legs)
        if len(fitted) == 2 and not capabilities.gtt_oco:
            raise Unsupported(f"{capabilities.title} keeps no triggers with two legs.", hint="Set one of them.")
        order = new_order(house.clock.now(), user_id, as_request(plain, fitted), found, origin, client_order_id)
        order, facts = self._approval.prepare(replace(order, account_id=target.id), target)
        quote = house.prices.last_quote(found.text, target.id)
        check_legs(fitted, None if quote is None else quote.last_price)
        with house.store.begin() as tx:
            tx.users.lock(user_id)
            stored = house.add(tx, order, "SUBMITTED", f"{origin.source.lower()} wants a trigger on {target.name}")
            gtt = tx.gtts.add(new_gtt(house, stored, fitted))
            decided = self._approval.admit(tx, stored, tx.accounts.get(target.id), facts)
            gtt = tx.gtts.get(gtt.id)
            if not decided.status.final:
                return gtt
            return tx.gtts.save(replace(gtt, status=GttStatus.FAILED, broker_reason=decided.risk_note))

    def _fitted(self, plain: OrderRequest, legs: Sequence[GttLeg]) -> tuple[GttLeg, ...]:
        """Return legs on the listing's ticks and lots, by ascending trigger."""
        found = self._house.listings.get(plain.listing)

        def one(leg: GttLeg) -> GttLeg:
            asked = replace(
                plain, order_type=OrderType.SL, quantity=leg.quantity, price=leg.price, trigger_price=leg.trigger_price
            )
            got = fit(asked, found)
            return GttLeg(got.trigger_price or leg.trigger_price, got.price or leg.price, leg.quantity)

        return check_legs([one(leg) for leg in check_legs(legs)])

    def modify(self, gtt_id: int, legs: Sequence[GttLeg], *, user_id: int) -> Gtt:
        """Ask the broker to change a resting trigger of ours; what it says of the risk gate is in its order.

        Raises
        ------
        Conflict
            It does not rest, was made elsewhere, has another number of legs, or another write of it is under way.
        """
        house = self._house
        with house.store.read() as tx:
            gtt = self._own(tx, gtt_id, user_id)
            if gtt.order_id is None:
                raise Conflict(f"Trigger {gtt_id} was made elsewhere.", hint="Change it there, or take it away here.")
            order, account = tx.orders.get(gtt.order_id), tx.accounts.get(gtt.account_id)
        if len(legs) != len(gtt.legs):
            raise Conflict(f"Trigger {gtt_id} has {len(gtt.legs)} legs, and {len(legs)} were given.", hint="Set it anew.")
        fitted = self._fitted(order.request, legs)
        wanted = as_request(order.request, fitted)
        facts = self._approval.gather(wanted, account, order.strategy, reduce_only=order.reduce_only)
        quote = house.prices.last_quote(gtt.listing, account.id)
        check_legs(fitted, None if quote is None else quote.last_price)
        with house.store.begin() as tx:
            tx.users.lock(user_id)
            order = tx.orders.get(order.id)
            asked = replace(order, request=wanted)
            decision = self._approval.decide(tx, asked, tx.accounts.get(account.id), facts, amending=True)
            tx.orders.add_decision(replace(decision, order_id=order.id))
            gtt = self._own(tx, gtt_id, user_id)
            if not decision.allowed or decision.quantity < wanted.quantity:
                told = decision.text if not decision.allowed else f"only {decision.quantity} may be wanted: {decision.text}"
                house.note(tx, order, "MODIFY_REFUSED", f"risk: {told}", code=decision.code)
                tx.orders.save(replace(order, risk_note=told))
                return gtt
            want_change(house, tx, gtt, fitted)
            legs_told = ", ".join(f"{leg.quantity} at ₹{leg.price} when ₹{leg.trigger_price} is reached" for leg in fitted)
            house.save(tx, replace(order, risk_note=""), "MODIFY_WANTED", legs_told)
            return gtt

    def cancel(self, gtt_id: int, *, user_id: int) -> Gtt:
        """Take a trigger away at its broker, whoever made it.

        Raises
        ------
        Conflict
            It does not rest.
        """
        house = self._house
        with house.store.begin() as tx:
            gtt = self._own(tx, gtt_id, user_id)
            if not gtt.status.resting:
                raise Conflict(f"Trigger {gtt_id} is {gtt.status} already.")
            if gtt.order_id is None:
                want_removal(house, tx, gtt, insist=True)
                return gtt
            order = tx.orders.get(gtt.order_id)
            if order.status in (OrderStatus.WAITING, OrderStatus.APPROVED):
                raise Conflict(f"Trigger {gtt_id} was not sent yet.", hint=f"Cancel its order, {order.id}.")
            want_order_back(house, tx, order, insist=True)
            return gtt

    def get(self, gtt_id: int, *, user_id: int) -> Gtt:
        """Return one of the user's triggers or raise NotFound."""
        with self._house.store.read() as tx:
            return self._own(tx, gtt_id, user_id)

    def select(self, *, user_id: int, account: str | int | None = None, resting: bool = False) -> Sequence[Gtt]:
        """Return triggers, newest first; `resting`: those that may still fire."""
        with self._house.store.read() as tx:
            chosen = None if account is None else self._house.account(tx, account, user_id).id
            return tx.gtts.list(user_id=user_id, account_id=chosen, resting=resting)

    def label(self, account: Account) -> str:
        """Return what a trigger at this account's broker is called, apart from one that is watched from here."""
        return f"Broker GTT ({self._house.capabilities(account).title})"

    def resolve(self, gtt_id: int, *, broker_gtt_id: str | None, reason: str, user_id: int) -> Gtt:
        """Say what a trigger of unknown outcome is at the broker, or (None) that it was never placed.

        Raises
        ------
        Conflict
            Its outcome is not unknown, or that id belongs to another trigger.
        """
        if not reason.strip():
            raise InvalidInput("A reason is needed.", hint="Say where you saw what became of the trigger.")
        house = self._house
        with house.store.begin() as tx:
            gtt = self._own(tx, gtt_id, user_id)
            if gtt.status is not GttStatus.UNKNOWN:
                raise Conflict(f"Trigger {gtt_id} is {gtt.status}: only one of unknown outcome is closed by hand.")
            others = {one.broker_gtt_id: one.id for one in tx.gtts.list(account_id=gtt.account_id)}
            if broker_gtt_id is not None and broker_gtt_id in others:
                raise Conflict(f"{broker_gtt_id} is trigger {others[broker_gtt_id]} already.")
            now, state = house.clock.now(), CommandState.ANSWERED if broker_gtt_id else CommandState.REFUSED
            for command in commands_of(tx, gtt):
                if command.state is CommandState.UNKNOWN:
                    text = f"{command.text}; a person: {reason.strip()}"
                    tx.commands.save(replace(command, state=state, answered_at=now, text=text))
            if broker_gtt_id is not None:
                return rest(house, tx, gtt, broker_gtt_id)
            order = tx.orders.get(gtt.order_id or 0)
            if order.status is OrderStatus.UNKNOWN:
                closed = replace(lifecycle.move(order, Act.CLOSED_NOT_PLACED, now), unsettled=False)
                house.save(tx, closed, "RESOLVED", f"its trigger was not placed, says a person: {reason.strip()}")
            return tx.gtts.save(replace(gtt, status=GttStatus.FAILED, broker_reason=reason.strip(), updated_at=now))

    def _own(self, tx: Unit, gtt_id: int, user_id: int) -> Gtt:
        gtt = tx.gtts.get(gtt_id)
        if gtt.user_id != user_id:
            raise NotFound(f"There is no trigger {gtt_id}.", hint="`sigma gtt` lists them.")
        return gtt
