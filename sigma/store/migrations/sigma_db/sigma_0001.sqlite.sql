CREATE TABLE heartbeats (
	process TEXT NOT NULL,
	at DATETIME NOT NULL,
	pid BIGINT NOT NULL,
	detail TEXT NOT NULL,
	CONSTRAINT pk_heartbeats PRIMARY KEY (process)
)

CREATE TABLE job_runs (
	id INTEGER NOT NULL,
	job TEXT NOT NULL,
	scheduled_at DATETIME NOT NULL,
	started_at DATETIME NOT NULL,
	ended_at DATETIME,
	outcome TEXT NOT NULL,
	CONSTRAINT pk_job_runs PRIMARY KEY (id),
	CONSTRAINT uq_job_runs_slot UNIQUE (job, scheduled_at)
)

CREATE TABLE secret_check (
	id INTEGER NOT NULL CONSTRAINT ck_secret_check_single CHECK (id = 1),
	token TEXT NOT NULL,
	CONSTRAINT pk_secret_check PRIMARY KEY (id)
)

CREATE TABLE users (
	id INTEGER NOT NULL,
	name TEXT NOT NULL,
	role VARCHAR NOT NULL CONSTRAINT ck_users_role CHECK (role IN ('owner', 'trader', 'viewer')),
	trading_mode VARCHAR NOT NULL CONSTRAINT ck_users_trading_mode CHECK (trading_mode IN ('NORMAL', 'EXIT_ONLY', 'PAUSED')),
	webhook_hash TEXT,
	password_hash TEXT,
	events_seen BIGINT DEFAULT '0' NOT NULL,
	created_at DATETIME NOT NULL,
	CONSTRAINT pk_users PRIMARY KEY (id),
	CONSTRAINT uq_users_name UNIQUE (name)
)

CREATE TABLE accounts (
	id INTEGER NOT NULL,
	user_id INTEGER NOT NULL,
	broker TEXT NOT NULL,
	name TEXT NOT NULL,
	client_id TEXT,
	is_default BOOLEAN NOT NULL,
	enabled BOOLEAN NOT NULL,
	trading_mode VARCHAR NOT NULL CONSTRAINT ck_accounts_trading_mode CHECK (trading_mode IN ('NORMAL', 'EXIT_ONLY', 'PAUSED')),
	auth_mode VARCHAR NOT NULL CONSTRAINT ck_accounts_auth_mode CHECK (auth_mode IN ('manual', 'auto')),
	created_at DATETIME NOT NULL,
	last_run_at DATETIME,
	frozen_reason TEXT,
	tag_verified BOOLEAN NOT NULL,
	removed BOOLEAN NOT NULL,
	version INTEGER NOT NULL,
	CONSTRAINT pk_accounts PRIMARY KEY (id),
	CONSTRAINT uq_accounts_id_user_id UNIQUE (id, user_id),
	CONSTRAINT fk_accounts_user_id FOREIGN KEY(user_id) REFERENCES users (id)
)

CREATE UNIQUE INDEX uq_accounts_client ON accounts (user_id, broker, client_id) WHERE NOT removed

CREATE UNIQUE INDEX uq_accounts_default ON accounts (user_id) WHERE is_default AND NOT removed

CREATE UNIQUE INDEX uq_accounts_name ON accounts (user_id, name) WHERE NOT removed

CREATE TABLE settings (
	id INTEGER NOT NULL,
	user_id INTEGER,
	user_key INTEGER NOT NULL,
	name TEXT NOT NULL,
	value TEXT NOT NULL,
	CONSTRAINT pk_settings PRIMARY KEY (id),
	CONSTRAINT ck_settings_user_key CHECK (user_key = coalesce(user_id, 0)),
	CONSTRAINT uq_settings_name UNIQUE (user_key, name),
	CONSTRAINT fk_settings_user_id FOREIGN KEY(user_id) REFERENCES users (id)
)

CREATE TABLE sign_ins (
	token_hash TEXT NOT NULL,
	user_id INTEGER NOT NULL,
	created_at DATETIME NOT NULL,
	expires_at DATETIME NOT NULL,
	CONSTRAINT pk_sign_ins PRIMARY KEY (token_hash),
	CONSTRAINT fk_sign_ins_user_id FOREIGN KEY(user_id) REFERENCES users (id)
)

CREATE INDEX ix_sign_ins_expires ON sign_ins (expires_at)

CREATE INDEX ix_sign_ins_user ON sign_ins (user_id)

CREATE TABLE signals (
	id INTEGER NOT NULL,
	user_id INTEGER NOT NULL,
	received_at DATETIME NOT NULL,
	status VARCHAR NOT NULL CONSTRAINT ck_signals_status CHECK (status IN ('ACCEPTED', 'DEDUPED', 'MARKED', 'IGNORED')),
	raw TEXT NOT NULL,
	dedupe_key TEXT NOT NULL,
	listing TEXT,
	side VARCHAR CONSTRAINT ck_signals_side CHECK (side IN ('BUY', 'SELL')),
	quantity BIGINT,
	strategy TEXT NOT NULL,
	platform TEXT NOT NULL,
	bar_time DATETIME,
	external_id TEXT NOT NULL,
	note TEXT NOT NULL,
	hints TEXT NOT NULL,
	first_id INTEGER,
	correlation_id TEXT NOT NULL,
	CONSTRAINT pk_signals PRIMARY KEY (id),
	CONSTRAINT fk_signals_user_id FOREIGN KEY(user_id) REFERENCES users (id),
	CONSTRAINT fk_signals_first_id FOREIGN KEY(first_id) REFERENCES signals (id)
)

CREATE INDEX ix_signals_dedupe ON signals (user_id, dedupe_key, received_at)

CREATE INDEX ix_signals_received ON signals (user_id, received_at)

CREATE TABLE account_secrets (
	account_id INTEGER NOT NULL,
	"key" TEXT NOT NULL,
	user_id INTEGER NOT NULL,
	token TEXT NOT NULL,
	CONSTRAINT pk_account_secrets PRIMARY KEY (account_id, "key"),
	CONSTRAINT fk_account_secrets_account_id FOREIGN KEY(account_id) REFERENCES accounts (id),
	CONSTRAINT fk_account_secrets_user_id FOREIGN KEY(user_id) REFERENCES users (id)
)

CREATE TABLE account_sessions (
	account_id INTEGER NOT NULL,
	user_id INTEGER NOT NULL,
	token TEXT NOT NULL,
	obtained_at DATETIME NOT NULL,
	expires_at DATETIME NOT NULL,
	CONSTRAINT pk_account_sessions PRIMARY KEY (account_id),
	CONSTRAINT fk_account_sessions_account_id FOREIGN KEY(account_id) REFERENCES accounts (id),
	CONSTRAINT fk_account_sessions_user_id FOREIGN KEY(user_id) REFERENCES users (id)
)

CREATE TABLE events (
	id INTEGER NOT NULL,
	at DATETIME NOT NULL,
	level VARCHAR NOT NULL CONSTRAINT ck_events_level CHECK (level IN ('INFO', 'WARNING', 'ALARM')),
	kind TEXT NOT NULL,
	text TEXT NOT NULL,
	user_id INTEGER,
	account_id INTEGER,
	detail TEXT NOT NULL,
	correlation_id TEXT NOT NULL,
	CONSTRAINT pk_events PRIMARY KEY (id),
	CONSTRAINT fk_events_user_id FOREIGN KEY(user_id) REFERENCES users (id),
	CONSTRAINT fk_events_account_id FOREIGN KEY(account_id) REFERENCES accounts (id)
)

CREATE INDEX ix_events_account ON events (account_id, at)

CREATE INDEX ix_events_at ON events (at)

CREATE INDEX ix_events_kind ON events (kind, at)

CREATE INDEX ix_events_user ON events (user_id, at)

CREATE TABLE kills (
	id INTEGER NOT NULL,
	user_id INTEGER NOT NULL,
	account_id INTEGER,
	account_key INTEGER NOT NULL,
	"on" BOOLEAN NOT NULL,
	reason TEXT NOT NULL,
	at DATETIME,
	"by" TEXT NOT NULL,
	CONSTRAINT pk_kills PRIMARY KEY (id),
	CONSTRAINT ck_kills_account_key CHECK (account_key = coalesce(account_id, 0)),
	CONSTRAINT uq_kills_scope UNIQUE (user_id, account_key),
	CONSTRAINT fk_kills_user_id FOREIGN KEY(user_id) REFERENCES users (id),
	CONSTRAINT fk_kills_account_id FOREIGN KEY(account_id) REFERENCES accounts (id)
)

CREATE TABLE orders (
	id INTEGER NOT NULL,
	user_id INTEGER NOT NULL,
	account_id INTEGER,
	listing TEXT NOT NULL,
	side VARCHAR NOT NULL CONSTRAINT ck_orders_side CHECK (side IN ('BUY', 'SELL')),
	quantity BIGINT NOT NULL,
	order_type VARCHAR NOT NULL CONSTRAINT ck_orders_order_type CHECK (order_type IN ('MARKET', 'LIMIT', 'SL', 'SL-M')),
	product VARCHAR NOT NULL CONSTRAINT ck_orders_product CHECK (product IN ('CNC', 'MIS', 'NRML', 'MTF')),
	price BIGINT,
	trigger_price BIGINT,
	validity VARCHAR NOT NULL CONSTRAINT ck_orders_validity CHECK (validity IN ('DAY', 'IOC')),
	variety VARCHAR NOT NULL CONSTRAINT ck_orders_variety CHECK (variety IN ('REGULAR', 'AMO')),
	disclosed_quantity BIGINT NOT NULL,
	market_protection BIGINT,
	gtt BOOLEAN NOT NULL,
	algo_tag TEXT NOT NULL,
	status VARCHAR NOT NULL CONSTRAINT ck_orders_status CHECK (status IN ('WAITING', 'APPROVED', 'SENDING', 'SENT', 'OPEN', 'TRIGGER_PENDING', 'PARTIALLY_FILLED', 'UNKNOWN', 'FILLED', 'CANCELLED', 'REJECTED', 'EXPIRED', 'FAILED', 'REJECTED_RISK')),
	client_order_id TEXT NOT NULL,
	mode VARCHAR NOT NULL CONSTRAINT ck_orders_mode CHECK (mode IN ('AUTO', 'MANUAL')),
	source VARCHAR NOT NULL CONSTRAINT ck_orders_source CHECK (source IN ('PERSON', 'NOTEBOOK', 'CLI', 'WEBHOOK', 'KILL', 'BROKER')),
	created_at DATETIME NOT NULL,
	updated_at DATETIME NOT NULL,
	broker_order_id TEXT,
	exchange_order_id TEXT,
	external_id TEXT,
	filled_quantity BIGINT NOT NULL,
	average_price BIGINT,
	broker_status TEXT NOT NULL,
	broker_reason TEXT NOT NULL,
	risk_note TEXT NOT NULL,
	strategy TEXT NOT NULL,
	signal_id INTEGER,
	parent_id INTEGER,
	generation INTEGER NOT NULL,
	tags TEXT NOT NULL,
	stale_reason TEXT NOT NULL,
	unsettled BOOLEAN NOT NULL,
	cancel_wanted BOOLEAN NOT NULL,
	session_date DATE,
	lot_size BIGINT NOT NULL,
	tick_size BIGINT NOT NULL,
	approved_at DATETIME,
	sent_at DATETIME,
	final_at DATETIME,
	correlation_id TEXT NOT NULL,
	version INTEGER NOT NULL,
	CONSTRAINT pk_orders PRIMARY KEY (id),
	CONSTRAINT ck_orders_quantity CHECK (quantity > 0),
	CONSTRAINT ck_orders_filled_quantity CHECK (filled_quantity >= 0),
	CONSTRAINT ck_orders_lot_size CHECK (lot_size > 0),
	CONSTRAINT fk_orders_account_id_user_id FOREIGN KEY(account_id, user_id) REFERENCES accounts (id, user_id),
	CONSTRAINT uq_orders_client_order_id UNIQUE (client_order_id),
	CONSTRAINT fk_orders_user_id FOREIGN KEY(user_id) REFERENCES users (id),
	CONSTRAINT fk_orders_signal_id FOREIGN KEY(signal_id) REFERENCES signals (id),
	CONSTRAINT fk_orders_parent_id FOREIGN KEY(parent_id) REFERENCES orders (id)
)

CREATE INDEX ix_orders_account_broker ON orders (account_id, broker_order_id)

CREATE INDEX ix_orders_account_created ON orders (account_id, created_at)

CREATE INDEX ix_orders_account_session ON orders (account_id, session_date)

CREATE INDEX ix_orders_account_status ON orders (account_id, status)

CREATE INDEX ix_orders_listing ON orders (user_id, listing, created_at)

CREATE INDEX ix_orders_parent ON orders (parent_id)

CREATE INDEX ix_orders_signal ON orders (signal_id)

CREATE INDEX ix_orders_strategy ON orders (user_id, strategy, created_at)

CREATE INDEX ix_orders_user_created ON orders (user_id, created_at)

CREATE INDEX ix_orders_user_status ON orders (user_id, status)

CREATE TABLE risk_limits (
	id INTEGER NOT NULL,
	user_id INTEGER NOT NULL,
	scope VARCHAR NOT NULL CONSTRAINT ck_risk_limits_scope CHECK (scope IN ('GLOBAL', 'STRATEGY', 'ACCOUNT')),
	strategy TEXT NOT NULL,
	account_id INTEGER,
	account_key INTEGER NOT NULL,
	max_quantity_per_order BIGINT,
	max_order_value BIGINT,
	CONSTRAINT pk_risk_limits PRIMARY KEY (id),
	CONSTRAINT ck_risk_limits_account_key CHECK (account_key = coalesce(account_id, 0)),
	CONSTRAINT ck_risk_limits_global CHECK (scope <> 'GLOBAL' OR (strategy = '' AND account_id IS NULL)),
	CONSTRAINT ck_risk_limits_strategy CHECK (scope <> 'STRATEGY' OR strategy <> ''),
	CONSTRAINT ck_risk_limits_account CHECK (scope <> 'ACCOUNT' OR account_id IS NOT NULL),
	CONSTRAINT uq_risk_limits_scope UNIQUE (user_id, scope, strategy, account_key),
	CONSTRAINT fk_risk_limits_user_id FOREIGN KEY(user_id) REFERENCES users (id),
	CONSTRAINT fk_risk_limits_account_id FOREIGN KEY(account_id) REFERENCES accounts (id)
)

CREATE TABLE snapshots (
	id INTEGER NOT NULL,
	user_id INTEGER NOT NULL,
	account_id INTEGER NOT NULL,
	kind TEXT NOT NULL,
	day DATE NOT NULL,
	taken_at DATETIME NOT NULL,
	rows TEXT NOT NULL,
	bad TEXT NOT NULL,
	CONSTRAINT pk_snapshots PRIMARY KEY (id),
	CONSTRAINT uq_snapshots_day UNIQUE (account_id, kind, day),
	CONSTRAINT fk_snapshots_user_id FOREIGN KEY(user_id) REFERENCES users (id),
	CONSTRAINT fk_snapshots_account_id FOREIGN KEY(account_id) REFERENCES accounts (id)
)

CREATE TABLE commands (
	id INTEGER NOT NULL,
	user_id INTEGER NOT NULL,
	order_id INTEGER NOT NULL,
	account_id INTEGER NOT NULL,
	kind VARCHAR NOT NULL CONSTRAINT ck_commands_kind CHECK (kind IN ('PLACE', 'MODIFY', 'CANCEL')),
	state VARCHAR NOT NULL CONSTRAINT ck_commands_state CHECK (state IN ('PENDING', 'SENDING', 'ANSWERED', 'REFUSED', 'UNKNOWN', 'WITHDRAWN')),
	created_at DATETIME NOT NULL,
	payload TEXT NOT NULL,
	holder TEXT NOT NULL,
	claimed_at DATETIME,
	send_by_ns BIGINT,
	boot_id TEXT NOT NULL,
	deadline DATETIME,
	answered_at DATETIME,
	outcome VARCHAR CONSTRAINT ck_commands_outcome CHECK (outcome IN ('ACCEPTED', 'REFUSED', 'NOT_SENT', 'UNKNOWN')),
	code TEXT NOT NULL,
	text TEXT NOT NULL,
	http_status INTEGER,
	unknown_ns BIGINT,
	absent_reads TEXT NOT NULL,
	look_alikes TEXT NOT NULL,
	version INTEGER NOT NULL,
	CONSTRAINT pk_commands PRIMARY KEY (id),
	CONSTRAINT fk_commands_user_id FOREIGN KEY(user_id) REFERENCES users (id),
	CONSTRAINT fk_commands_order_id FOREIGN KEY(order_id) REFERENCES orders (id),
	CONSTRAINT fk_commands_account_id FOREIGN KEY(account_id) REFERENCES accounts (id)
)

CREATE INDEX ix_commands_account_state ON commands (account_id, state)

CREATE INDEX ix_commands_order ON commands (order_id)

CREATE UNIQUE INDEX uq_commands_claimed_cancel ON commands (order_id) WHERE kind = 'CANCEL' AND state IN ('SENDING', 'UNKNOWN')

CREATE UNIQUE INDEX uq_commands_claimed_write ON commands (order_id) WHERE kind IN ('PLACE', 'MODIFY') AND state IN ('SENDING', 'UNKNOWN')

CREATE TABLE fills (
	id INTEGER NOT NULL,
	user_id INTEGER NOT NULL,
	order_id INTEGER NOT NULL,
	account_id INTEGER NOT NULL,
	exchange TEXT NOT NULL,
	session_date DATE NOT NULL,
	broker_order_id TEXT NOT NULL,
	fill_id TEXT NOT NULL,
	listing TEXT NOT NULL,
	side VARCHAR NOT NULL CONSTRAINT ck_fills_side CHECK (side IN ('BUY', 'SELL')),
	product VARCHAR NOT NULL CONSTRAINT ck_fills_product CHECK (product IN ('CNC', 'MIS', 'NRML', 'MTF')),
	quantity BIGINT NOT NULL,
	price BIGINT NOT NULL,
	filled_at DATETIME NOT NULL,
	CONSTRAINT pk_fills PRIMARY KEY (id),
	CONSTRAINT ck_fills_quantity CHECK (quantity > 0),
	CONSTRAINT uq_fills_execution UNIQUE (account_id, exchange, session_date, broker_order_id, fill_id),
	CONSTRAINT fk_fills_user_id FOREIGN KEY(user_id) REFERENCES users (id),
	CONSTRAINT fk_fills_order_id FOREIGN KEY(order_id) REFERENCES orders (id),
	CONSTRAINT fk_fills_account_id FOREIGN KEY(account_id) REFERENCES accounts (id)
)

CREATE INDEX ix_fills_account ON fills (account_id, filled_at)

CREATE INDEX ix_fills_order ON fills (order_id)

CREATE INDEX ix_fills_user ON fills (user_id, filled_at)

CREATE TABLE order_events (
	id INTEGER NOT NULL,
	user_id INTEGER NOT NULL,
	order_id INTEGER NOT NULL,
	at DATETIME NOT NULL,
	kind TEXT NOT NULL,
	status VARCHAR NOT NULL CONSTRAINT ck_order_events_status CHECK (status IN ('WAITING', 'APPROVED', 'SENDING', 'SENT', 'OPEN', 'TRIGGER_PENDING', 'PARTIALLY_FILLED', 'UNKNOWN', 'FILLED', 'CANCELLED', 'REJECTED', 'EXPIRED', 'FAILED', 'REJECTED_RISK')),
	text TEXT NOT NULL,
	detail TEXT NOT NULL,
	correlation_id TEXT NOT NULL,
	CONSTRAINT pk_order_events PRIMARY KEY (id),
	CONSTRAINT fk_order_events_user_id FOREIGN KEY(user_id) REFERENCES users (id),
	CONSTRAINT fk_order_events_order_id FOREIGN KEY(order_id) REFERENCES orders (id)
)

CREATE INDEX ix_order_events_order ON order_events (order_id)

CREATE INDEX ix_order_events_user ON order_events (user_id, at)

CREATE TABLE risk_decisions (
	id INTEGER NOT NULL,
	user_id INTEGER NOT NULL,
	order_id INTEGER NOT NULL,
	allowed BOOLEAN NOT NULL,
	code TEXT NOT NULL,
	text TEXT NOT NULL,
	results TEXT NOT NULL,
	inputs TEXT NOT NULL,
	decided_at DATETIME,
	CONSTRAINT pk_risk_decisions PRIMARY KEY (id),
	CONSTRAINT fk_risk_decisions_user_id FOREIGN KEY(user_id) REFERENCES users (id),
	CONSTRAINT fk_risk_decisions_order_id FOREIGN KEY(order_id) REFERENCES orders (id)
)

CREATE INDEX ix_risk_decisions_order ON risk_decisions (order_id)

CREATE TRIGGER order_events_no_update BEFORE UPDATE ON order_events
BEGIN SELECT RAISE(ABORT, 'order_events is append-only'); END

CREATE TRIGGER order_events_no_delete BEFORE DELETE ON order_events
BEGIN SELECT RAISE(ABORT, 'order_events is append-only'); END

CREATE TRIGGER events_no_update BEFORE UPDATE ON events
BEGIN SELECT RAISE(ABORT, 'events is append-only'); END

CREATE TRIGGER events_no_delete BEFORE DELETE ON events
BEGIN SELECT RAISE(ABORT, 'events is append-only'); END
