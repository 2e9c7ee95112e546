-- What is compared of the models of `touched`, and how much there is of them; then of the tasks.

-- A task with another metric or noise floor, or weights that a run has read since, change what other models' rows say.
CREATE OR REPLACE TEMP TABLE grounds AS
SELECT 'task' AS ground, task AS name, md5(concat_ws(chr(0), t.type, t.metric, f.floor, f.scope, f.n)) AS mark
FROM task_floors f LEFT JOIN tasks t USING (task)
UNION ALL
SELECT 'model', model, md5(string_agg(concat_ws(chr(0), revision, weights), chr(1) ORDER BY revision)) FROM known_weights
GROUP BY model;

CREATE OR REPLACE TEMP TABLE moved_grounds AS
SELECT ground, name FROM (FROM grounds EXCEPT FROM delta_grounds) UNION SELECT ground, name FROM (FROM delta_grounds EXCEPT FROM grounds);

CREATE OR REPLACE TEMP TABLE compared_anew AS
SELECT model FROM touched
UNION SELECT name FROM moved_grounds WHERE ground = 'model'
UNION SELECT model FROM delta_figures WHERE task IN (SELECT name FROM moved_grounds WHERE ground = 'task');

DELETE FROM delta_grounds;
INSERT INTO delta_grounds FROM grounds;
DELETE FROM delta_figures WHERE model IN (FROM compared_anew);

-- The views ask `results` and `scores`: they find these, of these models alone, before the store's.
CREATE OR REPLACE TEMP TABLE results_of_these AS FROM results WHERE model IN (FROM compared_anew);
CREATE OR REPLACE TEMP VIEW results AS FROM results_of_these;
CREATE OR REPLACE TEMP TABLE scores_of_these AS
WITH pairs AS MATERIALIZED (FROM delta_pairs)
FROM scores WHERE result_id IN (SELECT claim_id FROM pairs UNION SELECT check_id FROM pairs);
CREATE OR REPLACE TEMP VIEW scores AS FROM scores_of_these;
INSERT INTO delta_figures FROM delta_facts;
DROP VIEW temp.scores;
DROP VIEW temp.results;
DROP TABLE scores_of_these;
DROP TABLE results_of_these;

DELETE FROM model_counts WHERE model IN (FROM touched);
INSERT INTO model_counts
WITH standing AS (SELECT model, result_id, withdrawn FROM current_results SEMI JOIN touched USING (model)),
cells AS (SELECT s.model, count(*) AS cells FROM standing s JOIN scores USING (result_id) WHERE NOT withdrawn GROUP BY s.model),
counting AS (SELECT model, count(*) AS tasks FROM chosen SEMI JOIN touched USING (model) WHERE experiment = '' GROUP BY model)
SELECT s.model, count(*) FILTER (NOT withdrawn), coalesce(any_value(c.cells), 0), coalesce(any_value(k.tasks), 0)
FROM standing s LEFT JOIN cells c USING (model) LEFT JOIN counting k USING (model) GROUP BY s.model;
