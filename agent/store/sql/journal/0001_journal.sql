-- What a restarted agent needs to know of the flight. Rows are only ever added.
CREATE TABLE journal (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    flight TEXT NOT NULL,
    at_unix_s REAL NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX journal_by_flight ON journal (flight, seq);
