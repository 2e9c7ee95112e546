-- Version 4: plans of a fleet.
CREATE TABLE IF NOT EXISTS fleets (
    storage      VARCHAR NOT NULL,          -- address, without credentials
    plan_id      VARCHAR NOT NULL,
    name         VARCHAR NOT NULL,
    status       VARCHAR NOT NULL,          -- of the newest driver: running | done | stopped
    drivers      INTEGER NOT NULL,          -- sessions so far
    started_at   TIMESTAMP NOT NULL,        -- UTC; the first driver
    seen_at      TIMESTAMP NOT NULL,        -- UTC; the last sign of life of the newest
    an_hour      DOUBLE,                    -- tasks it finishes
    seconds_left DOUBLE,
    cost         DOUBLE,                    -- of all drivers, where the plan gives prices
    cost_left    DOUBLE,
    currency     VARCHAR NOT NULL,
    dashboard    VARCHAR,                   -- address of Ray's own
    PRIMARY KEY (storage, plan_id)
);

CREATE TABLE IF NOT EXISTS fleet_cells (
    storage      VARCHAR NOT NULL,
    plan_id      VARCHAR NOT NULL,
    setup        VARCHAR NOT NULL,          -- the model and what sets this set-up apart
    model        VARCHAR NOT NULL,
    task         VARCHAR NOT NULL,
    status       VARCHAR NOT NULL,          -- waiting | running | done | failed (its model was refused) | set aside
    seconds      DOUBLE,                    -- it took, or NULL
    expected     DOUBLE,                    -- seconds it was expected to take
    run_id       VARCHAR,                   -- its row in runs, once the model was loaded
    error        VARCHAR,
    log          VARCHAR[]                  -- the last lines of its worker, where it was given up
);
