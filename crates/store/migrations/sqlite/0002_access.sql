-- Who may do what, and what the server keeps for itself.
CREATE TABLE users (
    id TEXT NOT NULL PRIMARY KEY,
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    name TEXT NOT NULL,
    created BIGINT NOT NULL,
    seen BIGINT,
    disabled BIGINT,
    UNIQUE (issuer, subject)
);

CREATE TABLE api_tokens (
    id TEXT NOT NULL PRIMARY KEY,
    secret BLOB NOT NULL UNIQUE,
    name TEXT NOT NULL,
    grants TEXT NOT NULL,
    once BIGINT NOT NULL,
    created BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    expires BIGINT,
    used BIGINT,
    revoked BIGINT
);

CREATE TABLE grants (
    id TEXT NOT NULL PRIMARY KEY,
    subject_kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    role TEXT NOT NULL,
    host_group TEXT,
    created BIGINT NOT NULL,
    created_by TEXT NOT NULL
);
CREATE INDEX grants_by_subject ON grants (subject_kind, subject);

CREATE TABLE host_groups (
    name TEXT NOT NULL PRIMARY KEY,
    selection TEXT NOT NULL,
    owner TEXT NOT NULL,
    created BIGINT NOT NULL
);

CREATE TABLE sessions (
    id BLOB NOT NULL PRIMARY KEY,
    content BLOB NOT NULL,
    expires BIGINT NOT NULL
);
CREATE INDEX sessions_by_expiry ON sessions (expires);

CREATE TABLE idempotency (
    actor TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    request BLOB NOT NULL,
    status BIGINT,
    response BLOB,
    expires BIGINT NOT NULL,
    PRIMARY KEY (actor, idempotency_key)
);
CREATE INDEX idempotency_by_expiry ON idempotency (expires);

CREATE TABLE settings (
    name TEXT NOT NULL PRIMARY KEY,
    content BLOB NOT NULL
);

CREATE TABLE leases (
    name TEXT NOT NULL PRIMARY KEY,
    holder TEXT NOT NULL,
    until BIGINT NOT NULL,
    generation BIGINT NOT NULL
);
