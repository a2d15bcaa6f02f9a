-- What goes again to a broker that forgot is no news: it waits behind every alert that was not told yet.
ALTER TABLE outbox ADD COLUMN again INTEGER NOT NULL DEFAULT 0;
DROP INDEX outbox_heads;
CREATE INDEX outbox_heads ON outbox (priority, again, seq) WHERE head = 1;
