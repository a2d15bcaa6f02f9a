-- Flights that were flown, for the figures of each month.
CREATE TABLE flown (
    flight TEXT PRIMARY KEY,
    ended_unix_s REAL NOT NULL,
    hectares REAL NOT NULL,
    simulated INTEGER NOT NULL
);
CREATE INDEX flown_by_end ON flown (ended_unix_s);
