-- Schema 4: which cells of a task anybody has been scored on is kept, so that what is derived can follow an import without
-- looking at every score. It is filled the next time the store is derived.

CREATE TABLE IF NOT EXISTS cells_held (task VARCHAR NOT NULL, split VARCHAR NOT NULL, subset VARCHAR NOT NULL);
