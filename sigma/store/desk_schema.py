"""More tables of sigma.db: the calendar, groups, and what execution needs beside orders."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Date, Index, Integer, Table, UniqueConstraint
from sqlalchemy import ForeignKeyConstraint as Keys
from sqlalchemy import Time as Clock

from sigma.domain.days import SessionKind
from sigma.domain.gtt import GttKind, GttStatus
from sigma.domain.instruments import Exchange
from sigma.domain.kill import KillStep, KillVerdict
from sigma.domain.orders import OrderMode, OrderType, Product, Side
from sigma.domain.strategies import OffHours, ShareState
from sigma.store.columns import flag, key, moment, owner, refers, text_column, unique_where, whole, word
from sigma.store.schema import metadata
from sigma.store.types import Id, Json, Money

calendar_days = Table(
    "calendar_days",
    metadata,
    key(),
    word("exchange", Exchange),
    Column("day", Date(), nullable=False),
    flag("complete"),  # it says how far the exchange's list goes, and not what the day is
    word("kind", SessionKind),
    Column("opens", Clock(), nullable=True),  # on the Indian clock
    Column("closes", Clock(), nullable=True),
    text_column("notes"),
    flag("removed"),
    whole("revision"),
    UniqueConstraint("exchange", "day", "complete", name="uq_calendar_days_day"),
    Index("ix_calendar_days_revision", "revision"),
)

groups = Table(
    "groups",
    metadata,
    key(),
    owner(),
    text_column("name"),
    text_column("name_key"),  # the name whatever its case
    text_column("description"),
    moment("created_at"),
    Column("version", Integer(), nullable=False),
    UniqueConstraint("user_id", "name_key", name="uq_groups_name"),
    UniqueConstraint("id", "user_id", name="uq_groups_owner"),
)

group_members = Table(
    "group_members",
    metadata,
    key(),
    Column("group_id", Id, nullable=False),
    owner(),
    whole("position"),
    text_column("listing"),
    Column("weight", Money(), nullable=True),  # percent
    whole("quantity", nullable=True),
    text_column("note"),
    UniqueConstraint("group_id", "listing", name="uq_group_members_listing"),
    Keys(["group_id", "user_id"], ["groups.id", "groups.user_id"], name="fk_group_members_owner"),
    Index("ix_group_members_user", "user_id", "listing"),
)

strategies = Table(
    "strategies",
    metadata,
    key(),
    owner(),
    text_column("name"),
    text_column("name_key"),  # the name whatever its case
    text_column("description"),
    flag("enabled"),
    word("mode", OrderMode),
    word("product", Product, nullable=True),
    word("order_type", OrderType, nullable=True),
    word("off_hours", OffHours),
    flag("archived"),
    moment("created_at"),
    Column("version", Integer(), nullable=False),
    UniqueConstraint("id", "user_id", name="uq_strategies_owner"),
)

unique_where("uq_strategies_name", "NOT archived", strategies.c.user_id, strategies.c.name_key)

strategy_accounts = Table(
    "strategy_accounts",
    metadata,
    key(),
    Column("strategy_id", Id, nullable=False),
    owner(),
    Column("account_id", Id, nullable=False),
    Column("multiplier", Money(), nullable=False),
    CheckConstraint("multiplier > 0", name="multiplier"),
    UniqueConstraint("strategy_id", "account_id", name="uq_strategy_accounts_account"),
    Keys(["strategy_id", "user_id"], ["strategies.id", "strategies.user_id"], name="fk_strategy_accounts_strategy"),
    Keys(["account_id", "user_id"], ["accounts.id", "accounts.user_id"], name="fk_strategy_accounts_account"),
)

signal_shares = Table(
    "signal_shares",
    metadata,
    key(),
    owner(),
    refers("signal_id", "signals.id"),
    refers("account_id", "accounts.id"),
    word("state", ShareState),
    moment("updated_at"),
    whole("quantity", nullable=True),
    refers("order_id", "orders.id", nullable=True),
    text_column("note"),
    Column("version", Integer(), nullable=False),
    UniqueConstraint("signal_id", "account_id", name="uq_signal_shares_account"),
    Index("ix_signal_shares_account", "account_id", "state"),
)

openings = Table(
    "openings",
    metadata,
    key(),
    owner(),
    refers("account_id", "accounts.id"),
    Column("session_date", Date(), nullable=False),
    text_column("listing"),  # empty: the row that says that the session's list is whole
    word("product", Product),
    whole("quantity"),
    Column("reference_price", Money(), nullable=False),
    Column("average_price", Money(), nullable=False),
    moment("taken_at"),
    UniqueConstraint("account_id", "session_date", "listing", "product", name="uq_openings_listing"),
)

gtts = Table(
    "gtts",
    metadata,
    key(),
    owner(),
    refers("account_id", "accounts.id"),
    text_column("listing"),
    word("side", Side),
    word("product", Product),
    word("kind", GttKind),
    Column("legs", Json(), nullable=False),
    Column("last_price", Money(), nullable=False),
    word("status", GttStatus),
    moment("created_at"),
    moment("updated_at"),
    refers("order_id", "orders.id", nullable=True),
    text_column("broker_gtt_id", nullable=True),
    text_column("broker_status"),
    text_column("broker_reason"),
    moment("expires_at", nullable=True),
    Column("seen_before", Json(), nullable=False),
    Column("version", Integer(), nullable=False),
    UniqueConstraint("account_id", "broker_gtt_id", name="uq_gtts_broker"),
    Index("ix_gtts_user", "user_id", "created_at"),
    Index("ix_gtts_account", "account_id", "status"),
    Index("ix_gtts_order", "order_id"),
)

kill_runs = Table(
    "kill_runs",
    metadata,
    key(),
    owner(),
    refers("account_id", "accounts.id"),
    moment("started_at"),
    text_column("reason"),
    text_column("by"),
    text_column("strategy"),
    word("product", Product, nullable=True),
    flag("cancel"),
    flag("flatten"),
    word("step", KillStep),
    word("verdict", KillVerdict),
    whole("to_cancel"),
    whole("cancelled"),
    whole("to_flatten"),
    whole("flattened"),
    whole("unknown"),
    whole("flat_reads"),
    Column("notes", Json(), nullable=False),
    moment("step_at", nullable=True),
    moment("updated_at", nullable=True),
    moment("ended_at", nullable=True),
    Column("version", Integer(), nullable=False),
    Index("ix_kill_runs_account", "account_id", "verdict"),
    Index("ix_kill_runs_user", "user_id", "started_at"),
)

paper_books = Table(
    "paper_books",
    metadata,
    Column("account_id", Id, primary_key=True, autoincrement=False),
    owner(),
    Column("body", Json(), nullable=False),
    Column("version", Integer(), nullable=False),
    Keys(["account_id", "user_id"], ["accounts.id", "accounts.user_id"], name="fk_paper_books_account"),
)

paper_orders = Table(
    "paper_orders",
    metadata,
    key(),
    refers("account_id", "accounts.id"),
    text_column("broker_order_id"),
    Column("session_date", Date(), nullable=False),
    flag("working"),
    Column("body", Json(), nullable=False),
    UniqueConstraint("account_id", "broker_order_id", name="uq_paper_orders_id"),
    Index("ix_paper_orders_session", "account_id", "session_date"),
    Index("ix_paper_orders_working", "account_id", "working"),
)

paper_fills = Table(
    "paper_fills",
    metadata,
    key(),
    refers("account_id", "accounts.id"),
    text_column("fill_id"),
    text_column("broker_order_id"),
    Column("session_date", Date(), nullable=False),
    Column("body", Json(), nullable=False),
    UniqueConstraint("account_id", "fill_id", name="uq_paper_fills_id"),
    Index("ix_paper_fills_session", "account_id", "session_date"),
)
