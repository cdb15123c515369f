-- Executors that a runner knows but cannot serve, with the reason and what mends it: a run that waits for one can say so.
ALTER TABLE runners ADD COLUMN missing_executors jsonb NOT NULL DEFAULT '{}';
