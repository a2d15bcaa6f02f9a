-- Incidents as JSON; the columns are what is searched for.
CREATE TABLE incident (
    alert TEXT PRIMARY KEY,
    closed INTEGER NOT NULL,
    changed_unix_s REAL NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX incident_open ON incident (closed, changed_unix_s);
