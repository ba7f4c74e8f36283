CREATE TABLE groups (
	id INTEGER NOT NULL,
	user_id INTEGER NOT NULL,
	name TEXT NOT NULL,
	name_key TEXT NOT NULL,
	description TEXT NOT NULL,
	created_at DATETIME NOT NULL,
	version INTEGER NOT NULL,
	CONSTRAINT pk_groups PRIMARY KEY (id),
	CONSTRAINT uq_groups_name UNIQUE (user_id, name_key),
	CONSTRAINT uq_groups_owner UNIQUE (id, user_id),
	CONSTRAINT fk_groups_user_id FOREIGN KEY(user_id) REFERENCES users (id)
)

CREATE TABLE group_members (
	id INTEGER NOT NULL,
	group_id INTEGER NOT NULL,
	user_id INTEGER NOT NULL,
	position BIGINT NOT NULL,
	listing TEXT NOT NULL,
	weight BIGINT,
	quantity BIGINT,
	note TEXT NOT NULL,
	CONSTRAINT pk_group_members PRIMARY KEY (id),
	CONSTRAINT uq_group_members_listing UNIQUE (group_id, listing),
	CONSTRAINT fk_group_members_owner FOREIGN KEY(group_id, user_id) REFERENCES groups (id, user_id),
	CONSTRAINT fk_group_members_user_id FOREIGN KEY(user_id) REFERENCES users (id)
)

CREATE INDEX ix_group_members_user ON group_members (user_id, listing)
