CREATE TABLE calendar_days (
	id BIGSERIAL NOT NULL,
	exchange VARCHAR NOT NULL CONSTRAINT ck_calendar_days_exchange CHECK (exchange IN ('NSE', 'BSE', 'NFO', 'BFO', 'CDS', 'BCD', 'MCX', 'NCO')),
	day DATE NOT NULL,
	complete BOOLEAN NOT NULL,
	kind VARCHAR NOT NULL CONSTRAINT ck_calendar_days_kind CHECK (kind IN ('REGULAR', 'CLOSED', 'HALF_DAY', 'SPECIAL', 'SETTLEMENT_ONLY', 'COMPLETE')),
	opens TIME WITHOUT TIME ZONE,
	closes TIME WITHOUT TIME ZONE,
	notes TEXT NOT NULL,
	removed BOOLEAN NOT NULL,
	revision BIGINT NOT NULL,
	CONSTRAINT pk_calendar_days PRIMARY KEY (id),
	CONSTRAINT uq_calendar_days_day UNIQUE (exchange, day, complete)
)

CREATE INDEX ix_calendar_days_revision ON calendar_days (revision)
