-- What hosts are and say. Times are microseconds since 1970; JSON is text; digests are 32 bytes.
CREATE TABLE hosts (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    standing TEXT NOT NULL,
    standing_since BIGINT,
    standing_why TEXT,
    machine_id TEXT NOT NULL,
    agent TEXT NOT NULL,
    group_name TEXT,
    enrolled BIGINT NOT NULL,
    key_digest BYTEA,
    certificate_serial TEXT,
    certificate_until BIGINT,
    switched_off TEXT NOT NULL,
    helper BIGINT NOT NULL,
    facts TEXT NOT NULL,
    labels TEXT NOT NULL,
    revision BIGINT NOT NULL,
    state BYTEA
);
CREATE INDEX hosts_by_name ON hosts (name);

-- Apart from `hosts`: written often, in batches, without a row in the log.
CREATE TABLE presence (
    host TEXT NOT NULL PRIMARY KEY REFERENCES hosts (id) ON DELETE CASCADE,
    seen BIGINT,
    address TEXT,
    instance TEXT,
    message_count BIGINT NOT NULL,
    clock_offset_us BIGINT,
    instances TEXT NOT NULL
);

CREATE TABLE enrolment_tokens (
    id TEXT NOT NULL PRIMARY KEY,
    secret BYTEA NOT NULL UNIQUE,
    reusable BIGINT NOT NULL,
    uses_left BIGINT NOT NULL,
    bound_host TEXT,
    group_name TEXT,
    facts TEXT NOT NULL,
    needs_confirmation BIGINT NOT NULL,
    created BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    expires BIGINT NOT NULL,
    revoked BIGINT,
    used_by TEXT
);

CREATE TABLE certificates (
    fingerprint BYTEA NOT NULL PRIMARY KEY,
    serial TEXT NOT NULL UNIQUE,
    host TEXT NOT NULL,
    key_digest BYTEA NOT NULL,
    not_before BIGINT NOT NULL,
    not_after BIGINT NOT NULL,
    revoked BIGINT,
    revoked_why TEXT
);
CREATE INDEX certificates_by_host ON certificates (host);

-- The text of a section, once however many hosts have it.
CREATE TABLE contents (
    digest BYTEA NOT NULL PRIMARY KEY,
    line_count BIGINT NOT NULL,
    size_bytes BIGINT NOT NULL,
    packed BYTEA NOT NULL
);

-- Which content a host had from when to when; `until` is null for what it has now.
CREATE TABLE host_sections (
    host TEXT NOT NULL REFERENCES hosts (id) ON DELETE CASCADE,
    section TEXT NOT NULL,
    revision BIGINT NOT NULL,
    digest BYTEA NOT NULL REFERENCES contents (digest),
    since BIGINT NOT NULL,
    until BIGINT,
    PRIMARY KEY (host, section, revision)
);
CREATE INDEX host_sections_by_digest ON host_sections (digest);

CREATE TABLE judgements (
    host TEXT NOT NULL PRIMARY KEY REFERENCES hosts (id) ON DELETE CASCADE,
    number BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    tables TEXT NOT NULL,
    judged BIGINT NOT NULL
);

CREATE TABLE open_episodes (
    host TEXT NOT NULL PRIMARY KEY REFERENCES hosts (id) ON DELETE CASCADE,
    episode_count BIGINT NOT NULL,
    packed BYTEA NOT NULL
);

CREATE TABLE ended_episodes (
    host TEXT NOT NULL REFERENCES hosts (id) ON DELETE CASCADE,
    number BIGINT NOT NULL,
    ended BIGINT NOT NULL,
    episode_count BIGINT NOT NULL,
    packed BYTEA NOT NULL,
    PRIMARY KEY (host, number)
);

CREATE TABLE log (
    seq BIGINT NOT NULL PRIMARY KEY,
    written BIGINT NOT NULL,
    kind TEXT NOT NULL,
    actor TEXT NOT NULL,
    host TEXT,
    body TEXT NOT NULL,
    previous BYTEA NOT NULL,
    hash BYTEA NOT NULL
);

CREATE TABLE log_head (
    id BIGINT NOT NULL PRIMARY KEY,
    row_count BIGINT NOT NULL,
    hash BYTEA NOT NULL
);
INSERT INTO log_head (id, row_count, hash)
VALUES (1, 0, '\x0000000000000000000000000000000000000000000000000000000000000000');
