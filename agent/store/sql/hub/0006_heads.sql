-- Pictures get a place of their own between alerts and flight reports.
UPDATE outbox SET priority = CASE WHEN content_type LIKE 'image/%' THEN 5 ELSE priority * 10 END;
UPDATE retained SET priority = CASE WHEN content_type LIKE 'image/%' THEN 5 ELSE priority * 10 END;

-- The first waiting message of each order key is marked, so that the next one to send is found at once however long the queue is.
ALTER TABLE outbox ADD COLUMN head INTEGER NOT NULL DEFAULT 0;
UPDATE outbox SET head = 1 WHERE set_aside IS NULL AND seq IN (
    SELECT MIN(seq) FROM outbox WHERE set_aside IS NULL GROUP BY order_key
);
DROP INDEX outbox_by_priority;
CREATE INDEX outbox_heads ON outbox (priority, seq) WHERE head = 1;

CREATE TRIGGER outbox_comes AFTER INSERT ON outbox BEGIN
    UPDATE outbox SET head = 1 WHERE head = 0 AND seq = (
        SELECT MIN(seq) FROM outbox WHERE order_key = NEW.order_key AND set_aside IS NULL
    );
END;
CREATE TRIGGER outbox_goes AFTER DELETE ON outbox BEGIN
    UPDATE outbox SET head = 1 WHERE seq = (
        SELECT MIN(seq) FROM outbox WHERE order_key = OLD.order_key AND set_aside IS NULL
    );
END;
CREATE TRIGGER outbox_aside AFTER UPDATE OF set_aside ON outbox BEGIN
    UPDATE outbox SET head = 0 WHERE order_key = NEW.order_key AND head = 1;
    UPDATE outbox SET head = 1 WHERE seq = (
        SELECT MIN(seq) FROM outbox WHERE order_key = NEW.order_key AND set_aside IS NULL
    );
END;

-- Pauses are kept in memory: by the wall clock they would grow when it is set back.
ALTER TABLE outbox DROP COLUMN not_before_unix_s;
