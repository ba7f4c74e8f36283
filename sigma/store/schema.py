"""Tables of people and orders (sigma.db; on PostgreSQL the schema `sigma`). Names carry no schema: connections set it."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    UniqueConstraint,
)
from sqlalchemy import ForeignKeyConstraint as Keys
from sqlalchemy import Time as Clock

from sigma.domain.accounts import AuthMode, TradingMode
from sigma.domain.events import Level
from sigma.domain.orders import (
    CommandKind,
    CommandState,
    OrderMode,
    OrderStatus,
    OrderType,
    Outcome,
    Product,
    Side,
    Source,
    Validity,
    Variety,
)
from sigma.domain.people import Role
from sigma.domain.risk import Scope
from sigma.domain.signals import SignalStatus
from sigma.store.columns import NAMES, flag, key, moment, owner, refers, stand_in, text_column, unique_where, whole, word
from sigma.store.types import Id, Json, Money, Words

HEAD = "sigma_0004"
APPEND_ONLY = ("order_events", "events")
metadata = MetaData(naming_convention=NAMES)


users = Table(
    "users",
    metadata,
    key(),
    text_column("name"),
    word("role", Role),
    word("trading_mode", TradingMode),
    text_column("webhook_hash", nullable=True),
    text_column("password_hash", nullable=True),  # none: nobody has chosen one yet
    Column("events_seen", BigInteger(), nullable=False, server_default="0"),  # the last event they saw
    moment("created_at"),
    UniqueConstraint("name"),
)

sign_ins = Table(
    "sign_ins",
    metadata,
    Column("token_hash", Words(), primary_key=True),
    owner(),
    moment("created_at"),
    moment("expires_at"),
    Index("ix_sign_ins_user", "user_id"),
    Index("ix_sign_ins_expires", "expires_at"),
)

accounts = Table(
    "accounts",
    metadata,
    key(),
    owner(),
    text_column("broker"),
    text_column("name"),
    text_column("client_id", nullable=True),
    flag("is_default"),
    flag("enabled"),
    word("trading_mode", TradingMode),
    word("auth_mode", AuthMode),
    moment("created_at"),
    moment("last_run_at", nullable=True),
    text_column("frozen_reason", nullable=True),
    flag("tag_verified"),
    flag("removed"),
    Column("version", Integer(), nullable=False),
    UniqueConstraint("id", "user_id"),
)

unique_where("uq_accounts_default", "is_default AND NOT removed", accounts.c.user_id)
unique_where("uq_accounts_name", "NOT removed", accounts.c.user_id, accounts.c.name)
unique_where("uq_accounts_client", "NOT removed", accounts.c.user_id, accounts.c.broker, accounts.c.client_id)

account_secrets = Table(
    "account_secrets",
    metadata,
    Column("account_id", Id, ForeignKey("accounts.id"), primary_key=True),
    Column("key", Words(), primary_key=True),
    owner(),
    text_column("token"),
)

account_sessions = Table(
    "account_sessions",
    metadata,
    Column("account_id", Id, ForeignKey("accounts.id"), primary_key=True, autoincrement=False),
    owner(),
    text_column("token"),
    moment("obtained_at"),
    moment("expires_at"),
)

secret_check = Table(
    "secret_check",
    metadata,
    Column("id", Integer(), CheckConstraint("id = 1", name="single"), primary_key=True, autoincrement=False),
    text_column("token"),
)

signals = Table(
    "signals",
    metadata,
    key(),
    owner(),
    moment("received_at"),
    word("status", SignalStatus),
    text_column("raw"),
    text_column("dedupe_key"),
    text_column("listing", nullable=True),
    word("side", Side, nullable=True),
    whole("quantity", nullable=True),
    text_column("strategy"),
    text_column("platform"),
    moment("bar_time", nullable=True),
    text_column("external_id"),
    text_column("note"),
    Column("hints", Json(), nullable=False),
    refers("first_id", "signals.id", nullable=True),
    text_column("correlation_id"),
    Index("ix_signals_dedupe", "user_id", "dedupe_key", "received_at"),
    Index("ix_signals_received", "user_id", "received_at"),
)

orders = Table(
    "orders",
    metadata,
    key(),
    owner(),
    Column("account_id", Id, nullable=True),
    text_column("listing"),
    word("side", Side),
    whole("quantity"),
    word("order_type", OrderType),
    word("product", Product),
    Column("price", Money(), nullable=True),
    Column("trigger_price", Money(), nullable=True),
    word("validity", Validity),
    word("variety", Variety),
    whole("disclosed_quantity"),
    Column("market_protection", Money(), nullable=True),
    flag("gtt"),
    text_column("algo_tag"),
    word("status", OrderStatus),
    text_column("client_order_id"),
    word("mode", OrderMode),
    word("source", Source),
    moment("created_at"),
    moment("updated_at"),
    text_column("broker_order_id", nullable=True),
    text_column("exchange_order_id", nullable=True),
    text_column("external_id", nullable=True),
    whole("filled_quantity"),
    Column("average_price", Money(), nullable=True),
    text_column("broker_status"),
    text_column("broker_reason"),
    text_column("risk_note"),
    text_column("strategy"),
    refers("signal_id", "signals.id", nullable=True),
    refers("parent_id", "orders.id", nullable=True),
    Column("generation", Integer(), nullable=False),
    Column("tags", Json(), nullable=False),
    text_column("stale_reason"),
    flag("unsettled"),
    flag("cancel_wanted"),
    Column("session_date", Date(), nullable=True),
    whole("lot_size"),
    Column("tick_size", Money(), nullable=False),
    moment("approved_at", nullable=True),
    moment("sent_at", nullable=True),
    moment("final_at", nullable=True),
    text_column("correlation_id"),
    flag("reduce_only"),
    Column("slices", Integer(), nullable=False),
    Column("slice_no", Integer(), nullable=False),
    moment("not_before", nullable=True),
    Column("version", Integer(), nullable=False),
    CheckConstraint("quantity > 0", name="quantity"),
    CheckConstraint("filled_quantity >= 0", name="filled_quantity"),
    CheckConstraint("lot_size > 0", name="lot_size"),
    # An order stands on an account of its own user, or on none yet.
    Keys(["account_id", "user_id"], ["accounts.id", "accounts.user_id"]),
    UniqueConstraint("client_order_id"),
    Index("ix_orders_user_created", "user_id", "created_at"),
    Index("ix_orders_user_approved", "user_id", "approved_at"),
    Index("ix_orders_user_status", "user_id", "status"),
    Index("ix_orders_account_created", "account_id", "created_at"),
    Index("ix_orders_account_status", "account_id", "status"),
    Index("ix_orders_account_broker", "account_id", "broker_order_id"),
    Index("ix_orders_account_session", "account_id", "session_date"),
    Index("ix_orders_signal", "signal_id"),
    Index("ix_orders_strategy", "user_id", "strategy", "created_at"),
    Index("ix_orders_listing", "user_id", "listing", "created_at"),
    Index("ix_orders_parent", "parent_id"),
)

commands = Table(
    "commands",
    metadata,
    key(),
    owner(),
    refers("order_id", "orders.id", nullable=True),  # none: a conversion, or the removal of a trigger made elsewhere
    refers("account_id", "accounts.id"),
    word("kind", CommandKind),
    word("state", CommandState),
    moment("created_at"),
    Column("payload", Json(), nullable=False),
    text_column("holder"),
    moment("claimed_at", nullable=True),
    whole("send_by_ns", nullable=True),
    text_column("boot_id"),
    moment("deadline", nullable=True),
    moment("answered_at", nullable=True),
    word("outcome", Outcome, nullable=True),
    text_column("code"),
    text_column("text"),
    Column("http_status", Integer(), nullable=True),
    whole("unknown_ns", nullable=True),
    Column("absent_reads", Json(), nullable=False),
    Column("look_alikes", Json(), nullable=False),
    Column("version", Integer(), nullable=False),
    CheckConstraint("order_id IS NOT NULL OR kind IN ('CONVERT', 'GTT')", name="order"),
    Index("ix_commands_account_state", "account_id", "state"),
    Index("ix_commands_order", "order_id"),
)

# At most once, kept by the database itself: one claimed PLACE, MODIFY or GTT, and one claimed CANCEL, for each order.
unique_where(
    "uq_commands_claimed_write",
    "kind IN ('PLACE', 'MODIFY', 'GTT') AND state IN ('SENDING', 'UNKNOWN')",
    commands.c.order_id,
)
unique_where("uq_commands_claimed_cancel", "kind = 'CANCEL' AND state IN ('SENDING', 'UNKNOWN')", commands.c.order_id)

fills = Table(
    "fills",
    metadata,
    key(),
    owner(),
    refers("order_id", "orders.id"),
    refers("account_id", "accounts.id"),
    text_column("exchange"),
    Column("session_date", Date(), nullable=False),
    text_column("broker_order_id"),
    text_column("fill_id"),
    text_column("listing"),
    word("side", Side),
    word("product", Product),
    whole("quantity"),
    Column("price", Money(), nullable=False),
    moment("filled_at"),
    CheckConstraint("quantity > 0", name="quantity"),
    UniqueConstraint("account_id", "exchange", "session_date", "broker_order_id", "fill_id", name="uq_fills_execution"),
    Index("ix_fills_order", "order_id"),
    Index("ix_fills_account", "account_id", "filled_at"),
    Index("ix_fills_user", "user_id", "filled_at"),
)

order_events = Table(
    "order_events",
    metadata,
    key(),
    owner(),
    refers("order_id", "orders.id"),
    moment("at"),
    text_column("kind"),
    word("status", OrderStatus),
    text_column("text"),
    Column("detail", Json(), nullable=False),
    text_column("correlation_id"),
    Index("ix_order_events_order", "order_id"),
    Index("ix_order_events_user", "user_id", "at"),
)

risk_decisions = Table(
    "risk_decisions",
    metadata,
    key(),
    owner(),
    refers("order_id", "orders.id"),
    flag("allowed"),
    text_column("code"),
    text_column("text"),
    Column("results", Json(), nullable=False),
    Column("inputs", Json(), nullable=False),
    moment("decided_at", nullable=True),
    whole("quantity"),
    Index("ix_risk_decisions_order", "order_id"),
)

risk_limits = Table(
    "risk_limits",
    metadata,
    key(),
    owner(),
    word("scope", Scope),
    text_column("strategy"),
    refers("account_id", "accounts.id", nullable=True),
    *stand_in("account_key", "account_id"),
    whole("max_quantity_per_order", nullable=True),
    Column("max_order_value", Money(), nullable=True),
    Column("allow_short_selling", Boolean(), nullable=True),
    Column("max_daily_loss", Money(), nullable=True),
    whole("max_open_positions", nullable=True),
    whole("max_orders_per_minute", nullable=True),
    Column("max_exposure", Money(), nullable=True),
    Column("allow", Json(), nullable=True),
    Column("deny", Json(), nullable=True),
    Column("products", Json(), nullable=True),
    Column("order_types", Json(), nullable=True),
    Column("entries_until", Clock(), nullable=True),  # on the Indian clock
    Column("square_off_at", Clock(), nullable=True),
    whole("cooldown_s", nullable=True),
    Column("drawdown_caution", Money(), nullable=True),
    Column("drawdown_stop", Money(), nullable=True),
    Column("clamp", Json(), nullable=False),
    CheckConstraint("scope <> 'GLOBAL' OR (strategy = '' AND account_id IS NULL)", name="global"),
    CheckConstraint("scope <> 'STRATEGY' OR strategy <> ''", name="strategy"),
    CheckConstraint("scope <> 'ACCOUNT' OR account_id IS NOT NULL", name="account"),
    UniqueConstraint("user_id", "scope", "strategy", "account_key", name="uq_risk_limits_scope"),
)

kills = Table(
    "kills",
    metadata,
    key(),
    owner(),
    refers("account_id", "accounts.id", nullable=True),
    *stand_in("account_key", "account_id"),
    flag("on"),
    text_column("reason"),
    moment("at", nullable=True),
    text_column("by"),
    text_column("strategy"),  # empty: whatever the strategy
    UniqueConstraint("user_id", "account_key", "strategy", name="uq_kills_scope"),
)

settings = Table(
    "settings",
    metadata,
    key(),
    refers("user_id", "users.id", nullable=True),  # none: the installation's
    *stand_in("user_key", "user_id"),
    text_column("name"),
    text_column("value"),
    UniqueConstraint("user_key", "name", name="uq_settings_name"),
)

events = Table(
    "events",
    metadata,
    key(),
    moment("at"),
    word("level", Level),
    text_column("kind"),
    text_column("text"),
    refers("user_id", "users.id", nullable=True),  # none: the installation's
    refers("account_id", "accounts.id", nullable=True),
    Column("detail", Json(), nullable=False),
    text_column("correlation_id"),
    Index("ix_events_at", "at"),
    Index("ix_events_user", "user_id", "at"),
    Index("ix_events_account", "account_id", "at"),
    Index("ix_events_kind", "kind", "at"),
)

heartbeats = Table(
    "heartbeats",
    metadata,
    Column("process", Words(), primary_key=True),
    moment("at"),
    whole("pid"),
    Column("detail", Json(), nullable=False),
)

job_runs = Table(
    "job_runs",
    metadata,
    key(),
    text_column("job"),
    moment("scheduled_at"),
    moment("started_at"),
    moment("ended_at", nullable=True),
    text_column("outcome"),
    UniqueConstraint("job", "scheduled_at", name="uq_job_runs_slot"),
)

snapshots = Table(
    "snapshots",
    metadata,
    key(),
    owner(),
    refers("account_id", "accounts.id"),
    text_column("kind"),
    Column("day", Date(), nullable=False),
    moment("taken_at"),
    Column("rows", Json(), nullable=False),
    Column("bad", Json(), nullable=False),
    UniqueConstraint("account_id", "kind", "day", name="uq_snapshots_day"),
)
