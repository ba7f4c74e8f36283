CREATE TABLE strategies (
	id BIGSERIAL NOT NULL,
	user_id BIGINT NOT NULL,
	name TEXT NOT NULL,
	name_key TEXT NOT NULL,
	description TEXT NOT NULL,
	enabled BOOLEAN NOT NULL,
	mode VARCHAR NOT NULL CONSTRAINT ck_strategies_mode CHECK (mode IN ('AUTO', 'MANUAL')),
	product VARCHAR CONSTRAINT ck_strategies_product CHECK (product IN ('CNC', 'MIS', 'NRML', 'MTF')),
	order_type VARCHAR CONSTRAINT ck_strategies_order_type CHECK (order_type IN ('MARKET', 'LIMIT', 'SL', 'SL-M')),
	off_hours VARCHAR NOT NULL CONSTRAINT ck_strategies_off_hours CHECK (off_hours IN ('AMO', 'GTT', 'WAIT', 'FAIL')),
	archived BOOLEAN NOT NULL,
	created_at TIMESTAMP WITH TIME ZONE NOT NULL,
	version INTEGER NOT NULL,
	CONSTRAINT pk_strategies PRIMARY KEY (id),
	CONSTRAINT uq_strategies_owner UNIQUE (id, user_id),
	CONSTRAINT fk_strategies_user_id FOREIGN KEY(user_id) REFERENCES users (id)
)

CREATE UNIQUE INDEX uq_strategies_name ON strategies (user_id, name_key) WHERE NOT archived

CREATE TABLE kill_runs (
	id BIGSERIAL NOT NULL,
	user_id BIGINT NOT NULL,
	account_id BIGINT NOT NULL,
	started_at TIMESTAMP WITH TIME ZONE NOT NULL,
	reason TEXT NOT NULL,
	by TEXT NOT NULL,
	strategy TEXT NOT NULL,
	product VARCHAR CONSTRAINT ck_kill_runs_product CHECK (product IN ('CNC', 'MIS', 'NRML', 'MTF')),
	cancel BOOLEAN NOT NULL,
	flatten BOOLEAN NOT NULL,
	step VARCHAR NOT NULL CONSTRAINT ck_kill_runs_step CHECK (step IN ('BLOCKED', 'CANCELLING', 'SETTLING', 'FLATTENING', 'VERIFYING', 'ENDED')),
	verdict VARCHAR NOT NULL CONSTRAINT ck_kill_runs_verdict CHECK (verdict IN ('RUNNING', 'BLOCKED', 'CANCELLED', 'FLAT', 'NOT_VERIFIED')),
	to_cancel BIGINT NOT NULL,
	cancelled BIGINT NOT NULL,
	to_flatten BIGINT NOT NULL,
	flattened BIGINT NOT NULL,
	unknown BIGINT NOT NULL,
	flat_reads BIGINT NOT NULL,
	notes TEXT NOT NULL,
	step_at TIMESTAMP WITH TIME ZONE,
	updated_at TIMESTAMP WITH TIME ZONE,
	ended_at TIMESTAMP WITH TIME ZONE,
	version INTEGER NOT NULL,
	CONSTRAINT pk_kill_runs PRIMARY KEY (id),
	CONSTRAINT fk_kill_runs_user_id FOREIGN KEY(user_id) REFERENCES users (id),
	CONSTRAINT fk_kill_runs_account_id FOREIGN KEY(account_id) REFERENCES accounts (id)
)

CREATE INDEX ix_kill_runs_account ON kill_runs (account_id, verdict)

CREATE INDEX ix_kill_runs_user ON kill_runs (user_id, started_at)

CREATE TABLE openings (
	id BIGSERIAL NOT NULL,
	user_id BIGINT NOT NULL,
	account_id BIGINT NOT NULL,
	session_date DATE NOT NULL,
	listing TEXT NOT NULL,
	product VARCHAR NOT NULL CONSTRAINT ck_openings_product CHECK (product IN ('CNC', 'MIS', 'NRML', 'MTF')),
	quantity BIGINT NOT NULL,
	reference_price NUMERIC(19, 8) NOT NULL,
	average_price NUMERIC(19, 8) NOT NULL,
	taken_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_openings PRIMARY KEY (id),
	CONSTRAINT uq_openings_listing UNIQUE (account_id, session_date, listing, product),
	CONSTRAINT fk_openings_user_id FOREIGN KEY(user_id) REFERENCES users (id),
	CONSTRAINT fk_openings_account_id FOREIGN KEY(account_id) REFERENCES accounts (id)
)

CREATE TABLE paper_books (
	account_id BIGINT NOT NULL,
	user_id BIGINT NOT NULL,
	body TEXT NOT NULL,
	version INTEGER NOT NULL,
	CONSTRAINT pk_paper_books PRIMARY KEY (account_id),
	CONSTRAINT fk_paper_books_account FOREIGN KEY(account_id, user_id) REFERENCES accounts (id, user_id),
	CONSTRAINT fk_paper_books_user_id FOREIGN KEY(user_id) REFERENCES users (id)
)

CREATE TABLE paper_fills (
	id BIGSERIAL NOT NULL,
	account_id BIGINT NOT NULL,
	fill_id TEXT NOT NULL,
	broker_order_id TEXT NOT NULL,
	session_date DATE NOT NULL,
	body TEXT NOT NULL,
	CONSTRAINT pk_paper_fills PRIMARY KEY (id),
	CONSTRAINT uq_paper_fills_id UNIQUE (account_id, fill_id),
	CONSTRAINT fk_paper_fills_account_id FOREIGN KEY(account_id) REFERENCES accounts (id)
)

CREATE INDEX ix_paper_fills_session ON paper_fills (account_id, session_date)

CREATE TABLE paper_orders (
	id BIGSERIAL NOT NULL,
	account_id BIGINT NOT NULL,
	broker_order_id TEXT NOT NULL,
	session_date DATE NOT NULL,
	working BOOLEAN NOT NULL,
	body TEXT NOT NULL,
	CONSTRAINT pk_paper_orders PRIMARY KEY (id),
	CONSTRAINT uq_paper_orders_id UNIQUE (account_id, broker_order_id),
	CONSTRAINT fk_paper_orders_account_id FOREIGN KEY(account_id) REFERENCES accounts (id)
)

CREATE INDEX ix_paper_orders_session ON paper_orders (account_id, session_date)

CREATE INDEX ix_paper_orders_working ON paper_orders (account_id, working)

CREATE TABLE strategy_accounts (
	id BIGSERIAL NOT NULL,
	strategy_id BIGINT NOT NULL,
	user_id BIGINT NOT NULL,
	account_id BIGINT NOT NULL,
	multiplier NUMERIC(19, 8) NOT NULL,
	CONSTRAINT pk_strategy_accounts PRIMARY KEY (id),
	CONSTRAINT ck_strategy_accounts_multiplier CHECK (multiplier > 0),
	CONSTRAINT uq_strategy_accounts_account UNIQUE (strategy_id, account_id),
	CONSTRAINT fk_strategy_accounts_strategy FOREIGN KEY(strategy_id, user_id) REFERENCES strategies (id, user_id),
	CONSTRAINT fk_strategy_accounts_account FOREIGN KEY(account_id, user_id) REFERENCES accounts (id, user_id),
	CONSTRAINT fk_strategy_accounts_user_id FOREIGN KEY(user_id) REFERENCES users (id)
)

CREATE TABLE gtts (
	id BIGSERIAL NOT NULL,
	user_id BIGINT NOT NULL,
	account_id BIGINT NOT NULL,
	listing TEXT NOT NULL,
	side VARCHAR NOT NULL CONSTRAINT ck_gtts_side CHECK (side IN ('BUY', 'SELL')),
	product VARCHAR NOT NULL CONSTRAINT ck_gtts_product CHECK (product IN ('CNC', 'MIS', 'NRML', 'MTF')),
	kind VARCHAR NOT NULL CONSTRAINT ck_gtts_kind CHECK (kind IN ('SINGLE', 'OCO')),
	legs TEXT NOT NULL,
	last_price NUMERIC(19, 8) NOT NULL,
	status VARCHAR NOT NULL CONSTRAINT ck_gtts_status CHECK (status IN ('WANTED', 'ACTIVE', 'TRIGGERED', 'DISABLED', 'EXPIRED', 'CANCELLED', 'REJECTED', 'DELETED', 'FAILED', 'UNKNOWN')),
	created_at TIMESTAMP WITH TIME ZONE NOT NULL,
	updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
	order_id BIGINT,
	broker_gtt_id TEXT,
	broker_status TEXT NOT NULL,
	broker_reason TEXT NOT NULL,
	expires_at TIMESTAMP WITH TIME ZONE,
	seen_before TEXT NOT NULL,
	version INTEGER NOT NULL,
	CONSTRAINT pk_gtts PRIMARY KEY (id),
	CONSTRAINT uq_gtts_broker UNIQUE (account_id, broker_gtt_id),
	CONSTRAINT fk_gtts_user_id FOREIGN KEY(user_id) REFERENCES users (id),
	CONSTRAINT fk_gtts_account_id FOREIGN KEY(account_id) REFERENCES accounts (id),
	CONSTRAINT fk_gtts_order_id FOREIGN KEY(order_id) REFERENCES orders (id)
)

CREATE INDEX ix_gtts_account ON gtts (account_id, status)

CREATE INDEX ix_gtts_order ON gtts (order_id)

CREATE INDEX ix_gtts_user ON gtts (user_id, created_at)

CREATE TABLE signal_shares (
	id BIGSERIAL NOT NULL,
	user_id BIGINT NOT NULL,
	signal_id BIGINT NOT NULL,
	account_id BIGINT NOT NULL,
	state VARCHAR NOT NULL CONSTRAINT ck_signal_shares_state CHECK (state IN ('PENDING', 'DONE', 'SKIPPED', 'FAILED')),
	updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
	quantity BIGINT,
	order_id BIGINT,
	note TEXT NOT NULL,
	version INTEGER NOT NULL,
	CONSTRAINT pk_signal_shares PRIMARY KEY (id),
	CONSTRAINT uq_signal_shares_account UNIQUE (signal_id, account_id),
	CONSTRAINT fk_signal_shares_user_id FOREIGN KEY(user_id) REFERENCES users (id),
	CONSTRAINT fk_signal_shares_signal_id FOREIGN KEY(signal_id) REFERENCES signals (id),
	CONSTRAINT fk_signal_shares_account_id FOREIGN KEY(account_id) REFERENCES accounts (id),
	CONSTRAINT fk_signal_shares_order_id FOREIGN KEY(order_id) REFERENCES orders (id)
)

CREATE INDEX ix_signal_shares_account ON signal_shares (account_id, state)
