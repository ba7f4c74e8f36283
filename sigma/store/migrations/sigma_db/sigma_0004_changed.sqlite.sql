CREATE TABLE kills (
	id INTEGER NOT NULL,
	user_id INTEGER NOT NULL,
	account_id INTEGER,
	account_key INTEGER NOT NULL,
	"on" BOOLEAN NOT NULL,
	reason TEXT NOT NULL,
	at DATETIME,
	"by" TEXT NOT NULL,
	strategy TEXT NOT NULL,
	CONSTRAINT pk_kills PRIMARY KEY (id),
	CONSTRAINT ck_kills_account_key CHECK (account_key = coalesce(account_id, 0)),
	CONSTRAINT uq_kills_scope UNIQUE (user_id, account_key, strategy),
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
	reduce_only BOOLEAN NOT NULL,
	slices INTEGER NOT NULL,
	slice_no INTEGER NOT NULL,
	not_before DATETIME,
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

CREATE INDEX ix_orders_user_approved ON orders (user_id, approved_at)

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
	allow_short_selling BOOLEAN,
	max_daily_loss BIGINT,
	max_open_positions BIGINT,
	max_orders_per_minute BIGINT,
	max_exposure BIGINT,
	allow TEXT,
	deny TEXT,
	products TEXT,
	order_types TEXT,
	entries_until TIME,
	square_off_at TIME,
	cooldown_s BIGINT,
	drawdown_caution BIGINT,
	drawdown_stop BIGINT,
	clamp TEXT NOT NULL,
	CONSTRAINT pk_risk_limits PRIMARY KEY (id),
	CONSTRAINT ck_risk_limits_account_key CHECK (account_key = coalesce(account_id, 0)),
	CONSTRAINT ck_risk_limits_global CHECK (scope <> 'GLOBAL' OR (strategy = '' AND account_id IS NULL)),
	CONSTRAINT ck_risk_limits_strategy CHECK (scope <> 'STRATEGY' OR strategy <> ''),
	CONSTRAINT ck_risk_limits_account CHECK (scope <> 'ACCOUNT' OR account_id IS NOT NULL),
	CONSTRAINT uq_risk_limits_scope UNIQUE (user_id, scope, strategy, account_key),
	CONSTRAINT fk_risk_limits_user_id FOREIGN KEY(user_id) REFERENCES users (id),
	CONSTRAINT fk_risk_limits_account_id FOREIGN KEY(account_id) REFERENCES accounts (id)
)

CREATE TABLE commands (
	id INTEGER NOT NULL,
	user_id INTEGER NOT NULL,
	order_id INTEGER,
	account_id INTEGER NOT NULL,
	kind VARCHAR NOT NULL CONSTRAINT ck_commands_kind CHECK (kind IN ('PLACE', 'MODIFY', 'CANCEL', 'CONVERT', 'GTT')),
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
	CONSTRAINT ck_commands_order CHECK (order_id IS NOT NULL OR kind IN ('CONVERT', 'GTT')),
	CONSTRAINT fk_commands_user_id FOREIGN KEY(user_id) REFERENCES users (id),
	CONSTRAINT fk_commands_order_id FOREIGN KEY(order_id) REFERENCES orders (id),
	CONSTRAINT fk_commands_account_id FOREIGN KEY(account_id) REFERENCES accounts (id)
)

CREATE INDEX ix_commands_account_state ON commands (account_id, state)

CREATE INDEX ix_commands_order ON commands (order_id)

CREATE UNIQUE INDEX uq_commands_claimed_cancel ON commands (order_id) WHERE kind = 'CANCEL' AND state IN ('SENDING', 'UNKNOWN')

CREATE UNIQUE INDEX uq_commands_claimed_write ON commands (order_id) WHERE kind IN ('PLACE', 'MODIFY', 'GTT') AND state IN ('SENDING', 'UNKNOWN')

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
	quantity BIGINT NOT NULL,
	CONSTRAINT pk_risk_decisions PRIMARY KEY (id),
	CONSTRAINT fk_risk_decisions_user_id FOREIGN KEY(user_id) REFERENCES users (id),
	CONSTRAINT fk_risk_decisions_order_id FOREIGN KEY(order_id) REFERENCES orders (id)
)

CREATE INDEX ix_risk_decisions_order ON risk_decisions (order_id)
