-- Made at each publication too, by data/store/derive/40_compared.sql: what is compared of a model, and how much there is.
-- Nothing here is of an earlier import (derive_as_of makes none of it).

-- Two figures for one cell and what is known of their difference before any threshold is asked: the rows of the view
-- delta_facts, kept.
CREATE TABLE delta_figures (
    kind VARCHAR NOT NULL, claim_id INTEGER NOT NULL, check_id INTEGER NOT NULL, split VARCHAR, subset VARCHAR,
    model VARCHAR NOT NULL, task VARCHAR NOT NULL, type VARCHAR, claim_origin VARCHAR NOT NULL, check_origin VARCHAR NOT NULL,
    claim_run VARCHAR, check_run VARCHAR, claim_revision VARCHAR, check_revision VARCHAR,
    claim_version VARCHAR, check_version VARCHAR, claim_data VARCHAR, check_data VARCHAR, same_data BOOLEAN,
    task_metric VARCHAR, claim_metric VARCHAR, check_metric VARCHAR, claim_score DOUBLE, check_score DOUBLE, delta DOUBLE,
    floor DOUBLE NOT NULL, floor_scope VARCHAR NOT NULL, floor_n INTEGER NOT NULL, revisions VARCHAR,
    obstacle VARCHAR, hindrance VARCHAR, data_cleared BOOLEAN, remarks VARCHAR
);

-- What those rows rest on besides results: of a task its metric and noise floor, of a model the weights its runs read.
CREATE TABLE delta_grounds (ground VARCHAR NOT NULL, name VARCHAR NOT NULL, mark VARCHAR NOT NULL);  -- ground: task | model

-- How much stands of a model that has a result: those that were not withdrawn, their cells, tasks with one that counts.
CREATE TABLE model_counts (model VARCHAR NOT NULL, results INTEGER NOT NULL, cells BIGINT NOT NULL, tasks INTEGER NOT NULL);

-- The same of a task: results, and models with a result that counts.
CREATE TABLE task_counts (task VARCHAR NOT NULL, results INTEGER NOT NULL, models INTEGER NOT NULL);
