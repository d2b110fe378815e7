-- Version 4: names that nothing refers to any more are removed.

-- The newest day, in seconds since 1970, of the batches that used it; null: not known.
ALTER TABLE names ADD COLUMN seen INTEGER;

-- How many have gone: a program that remembers names by number forgets them when this changes.
ALTER TABLE rollup_state ADD COLUMN names_removed INTEGER NOT NULL DEFAULT 0;
