-- Schema 4: which cells of a task anybody has been scored on is kept, so that what is derived can follow an import without
-- looking at every score. It is filled the next time the store is derived.

CREATE TABLE IF NOT EXISTS cells_held (task VARCHAR NOT NULL, split VARCHAR NOT NULL, subset VARCHAR NOT NULL);

-- The entries of those columns that anybody has a score for: of a whole task, or of so many cells as anybody has of it.
CREATE TABLE IF NOT EXISTS group_entries (
    benchmark VARCHAR NOT NULL, dimension VARCHAR NOT NULL, label VARCHAR NOT NULL, position INTEGER NOT NULL,
    entry INTEGER NOT NULL, task VARCHAR, cells INTEGER
);
