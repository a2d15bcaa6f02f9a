-- Pictures on disk, named by their SHA-256. A higher importance stays longer.
CREATE TABLE media (
    sha256 TEXT PRIMARY KEY,
    suffix TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    importance INTEGER NOT NULL,
    captured_unix_s REAL NOT NULL,
    alert TEXT
);
CREATE INDEX media_by_worth ON media (importance, captured_unix_s);
CREATE INDEX media_by_alert ON media (alert);
