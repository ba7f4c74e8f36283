CREATE TABLE broker_instruments (
	id BIGSERIAL NOT NULL,
	broker TEXT NOT NULL,
	listing TEXT NOT NULL,
	symbol TEXT NOT NULL,
	token TEXT NOT NULL,
	exchange_code TEXT NOT NULL,
	exchange_token TEXT NOT NULL,
	valid_from DATE,
	valid_to DATE,
	exchange TEXT NOT NULL,
	since BIGINT NOT NULL,
	until BIGINT NOT NULL,
	CONSTRAINT pk_broker_instruments PRIMARY KEY (id)
)

CREATE INDEX ix_broker_instruments_listing ON broker_instruments (listing, broker)

CREATE INDEX ix_broker_instruments_since ON broker_instruments (since)

CREATE INDEX ix_broker_instruments_symbol ON broker_instruments (broker, exchange_code, symbol)

CREATE INDEX ix_broker_instruments_token ON broker_instruments (broker, exchange_code, token)

CREATE INDEX ix_broker_instruments_until ON broker_instruments (until)

CREATE TABLE isins (
	listing TEXT NOT NULL,
	isin TEXT NOT NULL,
	since BIGINT NOT NULL,
	CONSTRAINT pk_isins PRIMARY KEY (listing)
)

CREATE INDEX ix_isins_since ON isins (since)

CREATE TABLE last_quotes (
	listing TEXT NOT NULL,
	last_price NUMERIC(19, 8) NOT NULL,
	close NUMERIC(19, 8),
	at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_last_quotes PRIMARY KEY (listing)
)

CREATE TABLE listings (
	id BIGSERIAL NOT NULL,
	text TEXT NOT NULL,
	exchange VARCHAR NOT NULL CONSTRAINT ck_listings_exchange CHECK (exchange IN ('NSE', 'BSE', 'NFO', 'BFO', 'CDS', 'BCD', 'MCX', 'NCO')),
	symbol TEXT NOT NULL,
	kind VARCHAR NOT NULL CONSTRAINT ck_listings_kind CHECK (kind IN ('EQUITY', 'ETF', 'INDEX', 'FUTURE', 'OPTION')),
	name TEXT NOT NULL,
	series TEXT NOT NULL,
	lot_size BIGINT NOT NULL,
	tick_size NUMERIC(19, 8) NOT NULL,
	freeze_quantity BIGINT,
	expiry DATE,
	strike NUMERIC(19, 8),
	option_type VARCHAR CONSTRAINT ck_listings_option_type CHECK (option_type IN ('CE', 'PE')),
	underlying TEXT,
	words TEXT NOT NULL,
	since BIGINT NOT NULL,
	until BIGINT NOT NULL,
	CONSTRAINT pk_listings PRIMARY KEY (id),
	CONSTRAINT uq_listings_version UNIQUE (text, since)
)

CREATE INDEX ix_listings_since ON listings (since)

CREATE INDEX ix_listings_until ON listings (until)

CREATE TABLE publication (
	id INTEGER NOT NULL CONSTRAINT ck_publication_single CHECK (id = 1),
	published BIGINT NOT NULL,
	CONSTRAINT pk_publication PRIMARY KEY (id)
)

CREATE TABLE refreshes (
	id BIGSERIAL NOT NULL,
	broker TEXT NOT NULL,
	at TIMESTAMP WITH TIME ZONE NOT NULL,
	published BIGINT,
	report TEXT NOT NULL,
	CONSTRAINT pk_refreshes PRIMARY KEY (id)
)

CREATE INDEX ix_refreshes_broker ON refreshes (broker)

INSERT INTO publication (id, published) VALUES (1, 0)
