-- Messages that wait for the broker. seq is the order of commitment.
CREATE TABLE outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    message_id TEXT NOT NULL UNIQUE,
    priority INTEGER NOT NULL,
    order_key TEXT NOT NULL,
    topic TEXT NOT NULL,
    payload BLOB NOT NULL,
    content_type TEXT NOT NULL,
    event_type TEXT NOT NULL,
    subject TEXT NOT NULL,
    event_unix_s REAL NOT NULL,
    retain INTEGER NOT NULL,
    expiry_s REAL,
    captured_unix_s REAL,
    committed_unix_s REAL NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    not_before_unix_s REAL NOT NULL DEFAULT 0,
    set_aside TEXT
);
CREATE INDEX outbox_by_priority ON outbox (priority, seq) WHERE set_aside IS NULL;
CREATE INDEX outbox_by_order ON outbox (order_key, seq) WHERE set_aside IS NULL;
CREATE INDEX outbox_by_topic ON outbox (topic);

-- What the broker retains for this nest, as far as it said so; sent again to a broker that forgot.
CREATE TABLE retained (
    topic TEXT PRIMARY KEY,
    message_id TEXT NOT NULL,
    priority INTEGER NOT NULL,
    order_key TEXT NOT NULL,
    payload BLOB NOT NULL,
    content_type TEXT NOT NULL,
    event_type TEXT NOT NULL,
    subject TEXT NOT NULL,
    event_unix_s REAL NOT NULL,
    expiry_s REAL,
    captured_unix_s REAL,
    until_unix_s REAL
);
