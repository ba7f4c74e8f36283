"""Strategies with their accounts, and what became of signals on accounts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NoReturn

from sqlalchemy import Row, bindparam, delete, insert, select
from sqlalchemy.exc import IntegrityError

from sigma.domain.errors import Conflict
from sigma.domain.groups import name_key
from sigma.domain.strategies import ShareState, SignalShare, Strategy, StrategyShare
from sigma.store.database import Link
from sigma.store.desk_schema import signal_shares, strategies, strategy_accounts
from sigma.store.statements import add_row, breaks, by_id, missing, save_row, stale

_NAMED = select(strategies).where(
    strategies.c.user_id == bindparam("user"), strategies.c.name_key == bindparam("name"), ~strategies.c.archived
)
_ALL = select(strategies).order_by(strategies.c.name_key, strategies.c.id)
_ACCOUNTS = select(strategy_accounts).order_by(strategy_accounts.c.id)
_ACCOUNTS_OF = _ACCOUNTS.where(strategy_accounts.c.strategy_id == bindparam("strategy"))
_ERASE_ACCOUNTS = delete(strategy_accounts).where(strategy_accounts.c.strategy_id == bindparam("strategy"))
_SHARES = select(signal_shares).order_by(signal_shares.c.id)
_PENDING = _SHARES.where(signal_shares.c.account_id == bindparam("account"), signal_shares.c.state == ShareState.PENDING)


class SqlStrategies:
    """The tables `strategies` and `strategy_accounts`."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def add(self, strategy: Strategy) -> Strategy:
        """Store a new one; Conflict when the user has one of that name (whatever its case)."""
        try:
            stored = replace(strategy, id=add_row(self._link, strategies, _row(strategy)))
        except IntegrityError as error:
            _explain(error, strategy)
        self._put_accounts(stored)
        return stored

    def get(self, strategy_id: int) -> Strategy:
        """Return one or raise NotFound."""
        row = self._link.first(by_id(strategies, self._link.locking), {"id": strategy_id})
        if row is None:
            raise missing("Strategy", strategy_id)
        return self._whole(row)

    def by_name(self, user_id: int, name: str) -> Strategy | None:
        """Return the one of that name (whatever its case), archived ones left out; None when there is none."""
        row = self._link.first(_NAMED, {"user": user_id, "name": name_key(name)})
        return None if row is None else self._whole(row)

    def list(self, user_id: int | None = None, *, archived: bool = False) -> Sequence[Strategy]:
        """Return strategies by name, of all users when None."""
        query = _ALL if user_id is None else _ALL.where(strategies.c.user_id == user_id)
        rows = self._link.all(query if archived else query.where(~strategies.c.archived))
        shares: dict[int, list[StrategyShare]] = defaultdict(list)
        for share in self._link.all(_ACCOUNTS if user_id is None else _ACCOUNTS.where(strategy_accounts.c.user_id == user_id)):
            shares[share.strategy_id].append(StrategyShare(share.account_id, share.multiplier))
        return [_strategy(row, shares[row.id]) for row in rows]

    def save(self, strategy: Strategy) -> Strategy:
        """Store changes, shares included; Conflict when someone changed it meanwhile."""
        try:
            saved = save_row(self._link, strategies, _row(strategy), "user_id", "created_at")
        except IntegrityError as error:
            _explain(error, strategy)
        if not saved:
            stale(self._link, strategies, "Strategy", strategy.id, strategy.version, strategy.name, "name")
        self._link.write(_ERASE_ACCOUNTS, {"strategy": strategy.id})
        self._put_accounts(strategy)
        return replace(strategy, version=strategy.version + 1)

    def _put_accounts(self, strategy: Strategy) -> None:
        rows = [
            {
                "strategy_id": strategy.id,
                "user_id": strategy.user_id,
                "account_id": share.account_id,
                "multiplier": share.multiplier,
            }
            for share in strategy.shares
        ]
        if rows:
            self._link.write(insert(strategy_accounts), rows)

    def _whole(self, row: Row[Any]) -> Strategy:
        shares = self._link.all(_ACCOUNTS_OF, {"strategy": row.id})
        return _strategy(row, [StrategyShare(share.account_id, share.multiplier) for share in shares])


class SqlShares:
    """The table `signal_shares`."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def add(self, share: SignalShare) -> SignalShare:
        """Store a new one; Conflict when the signal has one on that account."""
        try:
            return replace(share, id=add_row(self._link, signal_shares, _share_row(share)))
        except IntegrityError as error:
            if breaks(error, "uq_signal_shares_account", "signal_shares.signal_id"):
                raise Conflict(f"Signal {share.signal_id} has a share on account {share.account_id} already.") from error
            raise

    def get(self, share_id: int) -> SignalShare:
        """Return one or raise NotFound."""
        row = self._link.first(by_id(signal_shares, self._link.locking), {"id": share_id})
        if row is None:
            raise missing("Share", share_id)
        return _share(row)

    def save(self, share: SignalShare) -> SignalShare:
        """Store changes."""
        if not save_row(self._link, signal_shares, _share_row(share), "user_id", "signal_id", "account_id"):
            stale(self._link, signal_shares, "Share", share.id, share.version, share.state.value, "state")
        return replace(share, version=share.version + 1)

    def pending(self, account_id: int) -> Sequence[SignalShare]:
        """Return an account's PENDING shares, oldest first."""
        return [_share(row) for row in self._link.all(_PENDING, {"account": account_id})]

    def failed(self, account_ids: Sequence[int], since: datetime, limit: int) -> Sequence[SignalShare]:
        """Return accounts' shares that FAILED at or after `since`, newest first, at most so many."""
        mine = signal_shares.c.account_id.in_(list(account_ids)), signal_shares.c.state == ShareState.FAILED
        query = select(signal_shares).where(*mine, signal_shares.c.updated_at >= since)
        return [_share(row) for row in self._link.all(query.order_by(signal_shares.c.id.desc()).limit(limit))]

    def of_signal(self, signal_id: int) -> Sequence[SignalShare]:
        """Return a signal's shares by account."""
        return self.of_signals([signal_id]).get(signal_id, [])

    def of_signals(self, signal_ids: Sequence[int]) -> Mapping[int, Sequence[SignalShare]]:
        """Return shares by signal; signals without one are absent."""
        found: dict[int, list[SignalShare]] = defaultdict(list)
        for row in self._link.all(_SHARES.where(signal_shares.c.signal_id.in_(list(signal_ids)))):
            found[row.signal_id].append(_share(row))
        return dict(found)


def _row(strategy: Strategy) -> dict[str, Any]:
    return {
        "id": strategy.id,
        "user_id": strategy.user_id,
        "name": strategy.name,
        "name_key": name_key(strategy.name),
        "description": strategy.description,
        "enabled": strategy.enabled,
        "mode": strategy.mode,
        "product": strategy.product,
        "order_type": strategy.order_type,
        "off_hours": strategy.off_hours,
        "archived": strategy.archived,
        "created_at": strategy.created_at,
        "version": strategy.version,
    }


def _strategy(row: Row[Any], shares: Sequence[StrategyShare]) -> Strategy:
    return Strategy(
        id=row.id,
        user_id=row.user_id,
        name=row.name,
        created_at=row.created_at,
        description=row.description,
        enabled=row.enabled,
        mode=row.mode,
        shares=tuple(shares),
        product=row.product,
        order_type=row.order_type,
        off_hours=row.off_hours,
        archived=row.archived,
        version=row.version,
    )


def _share_row(share: SignalShare) -> dict[str, Any]:
    return {
        "id": share.id,
        "user_id": share.user_id,
        "signal_id": share.signal_id,
        "account_id": share.account_id,
        "state": share.state,
        "updated_at": share.updated_at,
        "quantity": share.quantity,
        "order_id": share.order_id,
        "note": share.note,
        "version": share.version,
    }


def _share(row: Row[Any]) -> SignalShare:
    return SignalShare(
        id=row.id,
        user_id=row.user_id,
        signal_id=row.signal_id,
        account_id=row.account_id,
        state=row.state,
        updated_at=row.updated_at,
        quantity=row.quantity,
        order_id=row.order_id,
        note=row.note,
        version=row.version,
    )


def _explain(error: IntegrityError, strategy: Strategy) -> NoReturn:
    if breaks(error, "uq_strategies_name", "strategies.user_id, strategies.name_key"):
        raise Conflict(f"There is a strategy {strategy.name!r} already.", hint="Choose another name.") from error
    raise error
