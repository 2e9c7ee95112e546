-- Schema 3.

-- The two sides of a delta are called claim and check (`claim_*`, `check_*`, left and right until then): views alone, which
-- are made again.
