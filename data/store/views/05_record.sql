-- Results that stand: now, or after the import that the variable as_of names (see data/store/derive).
CREATE VIEW current_results AS
SELECT * FROM results
WHERE added_in <= coalesce(getvariable('as_of')::INTEGER, added_in)
    AND (gone_in IS NULL OR gone_in > getvariable('as_of')::INTEGER);

-- Whether two dataset revisions name the same data: NULL when one is unknown. Files write some revisions short,
-- and blanks or underscores alike in the names of combined data sets.
CREATE MACRO same_dataset(a, b) AS
    CASE
        WHEN a IS NULL OR b IS NULL OR a IN ('None', 'main', '', 'dataset revision not available')
            OR b IN ('None', 'main', '') THEN NULL
        WHEN length(a) >= 7 AND length(b) >= 7 AND (starts_with(a, b) OR starts_with(b, a)) THEN true
        ELSE replace(a, ' ', '_') = replace(b, ' ', '_')
    END;

-- Every figure with where it came from: the contract for others (data/README.md).
CREATE VIEW task_scores AS
SELECT r.model, r.revision, r.origin, r.task, s.split, s.subset, s.main_score, r.mteb_version, r.dataset_revision
FROM current_results r JOIN scores s USING (result_id)
WHERE r.experiment = '' AND NOT r.withdrawn;

-- Every metric stored of some results (a list of result_id), a row a cell and metric.
CREATE MACRO metrics_of(of_results) AS TABLE
SELECT s.result_id, s.split, s.subset, unnest(m.names) AS metric, unnest(s.metrics) AS value
FROM scores s JOIN metric_sets m USING (metric_set) WHERE s.result_id IN (SELECT unnest(of_results));
