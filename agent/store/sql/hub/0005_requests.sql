-- Flights that departments asked for, as JSON; the columns are what is searched for.
CREATE TABLE request (
    department TEXT NOT NULL,
    request TEXT NOT NULL,
    open INTEGER NOT NULL,
    accepted INTEGER NOT NULL,
    received_unix_s REAL NOT NULL,
    expires_unix_s REAL NOT NULL,
    flown_unix_s REAL,
    body TEXT NOT NULL,
    PRIMARY KEY (department, request)
);
CREATE INDEX request_open ON request (open, received_unix_s);

-- What was asked, decided and done. Rows are only ever added; each holds the digest of the one before it.
CREATE TABLE audit (
    seq INTEGER PRIMARY KEY,
    previous TEXT NOT NULL,
    body TEXT NOT NULL,
    sha256 TEXT NOT NULL
);

ALTER TABLE outbox ADD COLUMN correlation BLOB;
