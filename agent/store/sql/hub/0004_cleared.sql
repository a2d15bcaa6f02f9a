-- Retained topics that were cleared, so that a broker restored from an old state can be told again.
CREATE TABLE cleared (
    topic TEXT PRIMARY KEY,
    at_unix_s REAL NOT NULL
);
