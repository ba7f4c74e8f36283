CREATE TABLE former_isins (
	id BIGSERIAL NOT NULL,
	listing TEXT NOT NULL,
	isin TEXT NOT NULL,
	valid_to DATE NOT NULL,
	CONSTRAINT pk_former_isins PRIMARY KEY (id)
)

CREATE INDEX ix_former_isins_listing ON former_isins (listing)

CREATE TABLE former_names (
	id BIGSERIAL NOT NULL,
	broker TEXT NOT NULL,
	exchange_code TEXT NOT NULL,
	token TEXT NOT NULL,
	symbol TEXT NOT NULL,
	listing TEXT NOT NULL,
	valid_from DATE NOT NULL,
	valid_to DATE NOT NULL,
	CONSTRAINT pk_former_names PRIMARY KEY (id),
	CONSTRAINT uq_former_names_name UNIQUE (broker, exchange_code, token, listing, valid_from)
)

CREATE INDEX ix_former_names_valid_to ON former_names (valid_to)

CREATE TABLE master_states (
	source TEXT NOT NULL,
	content TEXT NOT NULL,
	basis TEXT NOT NULL,
	CONSTRAINT pk_master_states PRIMARY KEY (source)
)

CREATE TABLE overrides (
	id BIGSERIAL NOT NULL,
	source TEXT NOT NULL,
	exchange_code TEXT NOT NULL,
	symbol TEXT NOT NULL,
	token TEXT NOT NULL,
	listing TEXT,
	note TEXT NOT NULL,
	by TEXT NOT NULL,
	at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_overrides PRIMARY KEY (id),
	CONSTRAINT uq_overrides_row UNIQUE (source, exchange_code, symbol, token)
)

CREATE TABLE quarantine (
	id BIGSERIAL NOT NULL,
	source TEXT NOT NULL,
	exchange_code TEXT NOT NULL,
	symbol TEXT NOT NULL,
	token TEXT NOT NULL,
	exchange TEXT NOT NULL,
	name TEXT NOT NULL,
	reason TEXT NOT NULL,
	says TEXT,
	elsewhere TEXT,
	first_seen TIMESTAMP WITH TIME ZONE NOT NULL,
	last_seen TIMESTAMP WITH TIME ZONE NOT NULL,
	present BOOLEAN NOT NULL,
	CONSTRAINT pk_quarantine PRIMARY KEY (id),
	CONSTRAINT uq_quarantine_row UNIQUE (source, exchange_code, symbol, token)
)
