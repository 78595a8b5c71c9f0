-- What the lists of REST and the figures of a shift are found by.
CREATE INDEX alerts_by_time ON alerts (raised_at, alert_id);
CREATE INDEX calls_by_start ON calls (started_at);
