-- Two figures for one cell, their difference, and what it means. `left` is the claim and `right` the check; the delta
-- is right - left on the 0-1 scale, so that a loss is negative whatever is compared:
--
--   kind        left                                  right
--   reported    a model card's own figure             the official run of mteb
--   reproduced  the official run (or the model card)  a run of this machine
--   card        a model card's own figure             a run of this machine
--   runs        an earlier run of this machine        a later one
--
-- The rules that need thresholds are macros with the defaults of data/rules/deltas.py, so that a page or a command that
-- overrides them asks the same rule.

-- match <= match_floors x floor < drift <= the larger of drift and drift_floors x floor < gap; broken: a gap in which
-- more than `lost` of the left score is gone. A difference beyond the floor between different (or unknown) data set
-- revisions proves nothing about the model: not comparable. Within the floor it is a match all the same.
CREATE MACRO verdict(delta, left_score, floor, obstacle, same_data,
                     match_floors := 1.0, drift := 0.015, drift_floors := 3.0, lost := 0.3) AS
    CASE
        WHEN obstacle IS NOT NULL OR delta IS NULL THEN 'not comparable'
        WHEN abs(delta) <= match_floors * floor THEN 'match'
        WHEN same_data IS NOT TRUE THEN 'not comparable'
        WHEN abs(delta) <= greatest(drift, drift_floors * floor) THEN 'drift'
        WHEN left_score > 0 AND delta < -lost * left_score THEN 'broken'
        ELSE 'gap'
    END;

-- Before mteb's 0-1 scale, and on many a model card, scores are written 0-100. No score but a speed exceeds 1.
CREATE MACRO on_old_scale(score, task) AS abs(score) > 1 AND abs(score) <= 100 AND task NOT LIKE '%SpeedTask';

-- Another metric of a result that has just the value of the other side's main score: the two were mixed up. Half a unit
-- of the fifth decimal, because cards round there; at a wider tolerance chance finds some metric for any value.
CREATE MACRO metric_with_value(names, figures, score) AS
    names[list_position(list_transform(figures, lambda figure: abs(figure - score) <= 0.000005), true)];

CREATE MACRO figure_of(origin) AS
    CASE origin WHEN 'reported' THEN 'the model card''s figure' WHEN 'official' THEN 'the official figure'
        ELSE 'the run''s figure' END;

-- What the weights of a model's revision are, where a run here read them: published files do not say.
CREATE VIEW known_weights AS
WITH files AS (
    SELECT run_id, model, revision, unnest(from_json(files, '[{"path": "VARCHAR", "sha256": "VARCHAR"}]')) AS file
    FROM runs WHERE kind = 'reproduce'
),
of_run AS (
    -- Beside safetensors, weights in another form are not what is loaded.
    SELECT model, revision, coalesce(
        string_agg(file.sha256, ' ' ORDER BY file.sha256) FILTER (file.path LIKE '%.safetensors'),
        string_agg(file.sha256, ' ' ORDER BY file.sha256)
            FILTER (regexp_matches(file.path, '\.(bin|pt|pth|onnx|gguf|h5|msgpack)$'))) AS weights
    FROM files GROUP BY run_id, model, revision
)
SELECT model, revision, any_value(weights) AS weights FROM of_run GROUP BY model, revision
HAVING count(DISTINCT weights) = 1;

-- What can be said of two revisions, as a code and in words. A folder has none of its own: it goes by the hash of its
-- files (local-...).
CREATE MACRO revisions_apart(l, l_weights, r, r_weights) AS
    CASE
        WHEN l = r OR l IS NULL OR r IS NULL OR l_weights = r_weights THEN NULL
        WHEN starts_with(l, 'as-served-') OR starts_with(r, 'as-served-')
            THEN {'code': 'unknown', 'words': 'one side was served by a program that does not tell its revision'}
        WHEN starts_with(l, 'local-') AND starts_with(r, 'local-') THEN CASE WHEN l_weights <> r_weights
            THEN {'code': 'weights', 'words': 'the two are of folders with different weights'} END
        WHEN starts_with(l, 'local-') OR starts_with(r, 'local-') THEN
            CASE WHEN l_weights <> r_weights
                THEN {'code': 'weights', 'words': format('run from a folder, whose weights are not those of revision {}',
                    left(CASE WHEN starts_with(l, 'local-') THEN r ELSE l END, 7))}
                ELSE {'code': 'unknown', 'words': format('run from a folder; whether its files are revision {} is not known',
                    left(CASE WHEN starts_with(l, 'local-') THEN r ELSE l END, 7))} END
        ELSE {'code': 'revision', 'words': 'the two are of different model revisions'}
    END;

CREATE VIEW comparable_results AS
SELECT r.result_id, r.model, r.task, r.origin, r.revision, r.withdrawn, r.run_id, r.experiment, r.date,
    r.metric, r.mteb_version, r.dataset_revision, c.result_id IS NOT NULL AS counts
FROM current_results r LEFT JOIN chosen c USING (result_id)
WHERE r.experiment = '' OR r.origin = 'reproduced';

-- Of several official results of a model and task the one that counts on the leaderboard, then the newest. A run is
-- held against the revision it ran, if that was published.
CREATE VIEW delta_pairs AS
WITH reported AS (
    SELECT * FROM comparable_results WHERE origin = 'reported'
    QUALIFY row_number() OVER (PARTITION BY model, task ORDER BY withdrawn, result_id DESC) = 1
),
-- Only where there is a claim to check: ordering the whole record would cost more than all the rest.
official AS (
    SELECT o.* FROM comparable_results o SEMI JOIN reported USING (model, task) WHERE o.origin = 'official'
    QUALIFY row_number() OVER (
        PARTITION BY model, task ORDER BY withdrawn, counts DESC, date DESC NULLS LAST, result_id DESC
    ) = 1
),
own AS (FROM comparable_results WHERE origin = 'reproduced')
SELECT 'reported' AS kind, l.result_id AS left_id, r.result_id AS right_id
FROM reported l JOIN official r USING (model, task)
UNION ALL
SELECT 'reproduced', l.result_id, r.result_id
FROM own r JOIN comparable_results l ON l.model = r.model AND l.task = r.task AND l.origin <> 'reproduced'
QUALIFY row_number() OVER (
    PARTITION BY r.result_id
    ORDER BY l.origin = 'official' DESC, l.withdrawn, l.revision = r.revision DESC NULLS LAST, l.counts DESC,
        l.date DESC NULLS LAST, l.result_id DESC
) = 1
UNION ALL
SELECT 'card', l.result_id, r.result_id
FROM own r JOIN comparable_results l ON l.model = r.model AND l.task = r.task AND l.origin = 'reported'
QUALIFY row_number() OVER (PARTITION BY r.result_id ORDER BY l.withdrawn, l.result_id DESC) = 1
UNION ALL
SELECT 'runs', l.result_id, r.result_id
FROM own l JOIN own r ON l.model = r.model AND l.task = r.task AND l.run_id <> r.run_id
    AND (coalesce(l.date, TIMESTAMP '1970-01-01'), l.result_id) < (coalesce(r.date, TIMESTAMP '1970-01-01'), r.result_id);

-- The cells of both sides. Where the two share no cell, but each has just one in the split, the subset was renamed;
-- otherwise one row says that there is nothing to compare.
CREATE VIEW delta_cells AS
WITH pairs AS MATERIALIZED (FROM delta_pairs),
shared AS MATERIALIZED (
    SELECT p.*, l.split, l.subset, l.main_score AS left_raw, r.main_score AS right_raw,
        l.metric_set AS left_set, l.metrics AS left_metrics, r.metric_set AS right_set, r.metrics AS right_metrics,
        NULL::VARCHAR AS renamed
    FROM pairs p
    JOIN scores l ON l.result_id = p.left_id
    JOIN scores r ON r.result_id = p.right_id AND r.split = l.split AND r.subset = l.subset
),
apart AS MATERIALIZED (FROM pairs p WHERE NOT EXISTS (FROM shared s WHERE s.left_id = p.left_id AND s.right_id = p.right_id)),
lone_left AS (
    SELECT a.kind, a.left_id, a.right_id, any_value(l.split) AS split, any_value(l.subset) AS subset,
        count(*) AS cells, any_value(l.main_score) AS score
    FROM apart a JOIN scores l ON l.result_id = a.left_id GROUP BY ALL
),
lone_right AS (
    SELECT a.kind, a.left_id, a.right_id, any_value(r.split) AS split, any_value(r.subset) AS subset,
        count(*) AS cells, any_value(r.main_score) AS score
    FROM apart a JOIN scores r ON r.result_id = a.right_id GROUP BY ALL
)
FROM shared
UNION ALL
SELECT l.kind, l.left_id, l.right_id, r.split, r.subset,
    CASE WHEN l.cells = 1 AND r.cells = 1 AND l.split = r.split THEN l.score END,
    CASE WHEN l.cells = 1 AND r.cells = 1 AND l.split = r.split THEN r.score END,
    NULL, NULL, NULL, NULL,
    CASE WHEN l.cells = 1 AND r.cells = 1 AND l.split = r.split
        THEN format('the subset was renamed: {} is now {}', l.subset, r.subset) END
FROM lone_left l JOIN lone_right r USING (kind, left_id, right_id);

CREATE VIEW delta_facts AS
WITH weights AS MATERIALIZED (FROM known_weights),
judged AS (
    SELECT c.*, l.model, l.task, t.type,
        l.origin AS left_origin, r.origin AS right_origin, l.run_id AS left_run, r.run_id AS right_run,
        l.revision AS left_revision, r.revision AS right_revision,
        l.mteb_version AS left_version, r.mteb_version AS right_version,
        l.dataset_revision AS left_data, r.dataset_revision AS right_data,
        same_dataset(l.dataset_revision, r.dataset_revision) AS same_data,
        t.metric AS task_metric, coalesce(l.metric, t.metric) AS left_metric, coalesce(r.metric, t.metric) AS right_metric,
        CASE WHEN on_old_scale(left_raw, l.task) THEN left_raw / 100 ELSE left_raw END AS left_score,
        CASE WHEN on_old_scale(right_raw, l.task) THEN right_raw / 100 ELSE right_raw END AS right_score,
        -- A model's card names none.
        CASE WHEN l.origin = 'reported' OR r.origin = 'reported' THEN NULL
            ELSE revisions_apart(l.revision, lw.weights, r.revision, rw.weights) END AS apart,
        concat_ws('; ',
            CASE WHEN on_old_scale(left_raw, l.task) OR on_old_scale(right_raw, l.task)
                THEN 'a figure on the old 0-100 scale was divided by 100' END,
            renamed,
            CASE WHEN left_metric <> right_metric
                THEN format('the metric is called {} on one side and {} on the other', left_metric, right_metric) END,
            struct_extract(apart, 'words'),
            CASE WHEN l.withdrawn AND r.withdrawn THEN 'both figures were published once and withdrawn since'
                WHEN l.withdrawn THEN figure_of(l.origin) || ' was published once and withdrawn since'
                WHEN r.withdrawn THEN figure_of(r.origin) || ' was published once and withdrawn since' END) AS remarks
    FROM delta_cells c
    JOIN results l ON l.result_id = c.left_id
    JOIN results r ON r.result_id = c.right_id
    LEFT JOIN tasks t ON t.task = l.task
    LEFT JOIN weights lw ON lw.model = l.model AND lw.revision = l.revision
    LEFT JOIN weights rw ON rw.model = r.model AND rw.revision = r.revision
),
floored AS (
    SELECT j.*, right_score - left_score AS delta,
        -- Without a table of floors (an old bundle) nothing is known of the noise: the widest drift is the floor.
        coalesce(own.floor, kin.floor, any_type.floor, 0.015) AS floor,
        CASE WHEN own.floor IS NOT NULL THEN 'task' WHEN kin.floor IS NOT NULL THEN 'type'
            WHEN any_type.floor IS NOT NULL THEN 'all' ELSE 'none' END AS floor_scope,
        coalesce(own.n, kin.n, any_type.n, 0) AS floor_n
    FROM judged j
    LEFT JOIN noise_floors own ON own.scope = 'task' AND own.name = j.task
    LEFT JOIN noise_floors kin ON kin.scope = 'type' AND kin.name = j.type
    LEFT JOIN noise_floors any_type ON any_type.scope = 'all'
),
-- Other data are shown to give the same score where every cell of a run on them is within the floor: what another run
-- of the model does on the same data is then its own doing.
whole AS (
    SELECT *, kind = 'reproduced' AND right_data IS NOT NULL
        AND bool_and(coalesce(abs(delta) <= floor, false)) OVER (PARTITION BY kind, model, left_id, right_id) AS holds
    FROM floored
),
-- A figure that is no match, but is just the value of another metric of the other side.
mixed AS (
    SELECT w.*,  metric_with_value(rm.names, right_metrics, left_score) AS left_is,
        metric_with_value(lm.names, left_metrics, right_score) AS right_is
    FROM whole w
    LEFT JOIN metric_sets lm ON lm.metric_set = w.left_set
    LEFT JOIN metric_sets rm ON rm.metric_set = w.right_set
)
SELECT f.* EXCLUDE (left_set, left_metrics, right_set, right_metrics, left_raw, right_raw, renamed, remarks, holds, hindered,
        left_is, right_is, apart),
    apart.code AS revisions, hindered.code AS obstacle, hindered.words AS hindrance,
    bool_or(holds) OVER (PARTITION BY kind, model, left_id, right_data) AS data_cleared,
    nullif(remarks, '') AS remarks
FROM (SELECT *, CASE
        WHEN left_score IS NULL AND right_score IS NULL AND delta IS NULL AND left_metrics IS NULL
            THEN {'code': 'no shared cell', 'words': 'the two have no split and subset in common'}
        WHEN left_score IS NULL
            THEN {'code': 'missing', 'words': figure_of(left_origin) || ' is missing for this cell'}
        WHEN right_score IS NULL
            THEN {'code': 'missing', 'words': figure_of(right_origin) || ' is missing for this cell'}
        -- Names of one metric changed over the years: equal figures are a match whatever the metric is called.
        WHEN abs(delta) <= floor THEN NULL
        WHEN left_metric <> right_metric
            THEN {'code': 'metric', 'words': format('another metric: {} against {}', left_metric, right_metric)}
        -- Files of mteb 0.0 give the average precision as main score of some two-class tasks.
        WHEN (left_version LIKE '0.0.%' OR right_version LIKE '0.0.%')
            AND task IN ('ToxicConversationsClassification', 'AmazonCounterfactualClassification')
            THEN {'code': 'metric', 'words': 'another metric: mteb 0.0 wrote ap where the task counts accuracy'}
        WHEN left_is <> right_metric
            THEN {'code': 'metric', 'words': format('another metric: {} is the {} of the other side, not its {}',
                figure_of(left_origin), left_is, right_metric)}
        WHEN right_is <> left_metric
            THEN {'code': 'metric', 'words': format('another metric: {} is the {} of the other side, not its {}',
                figure_of(right_origin), right_is, left_metric)}
    END AS hindered FROM mixed) f;

-- The deltas under thresholds of one's own; `deltas` below has the defaults.
CREATE MACRO deltas_under(match_floors, drift, drift_floors, lost) AS TABLE
WITH facts AS (
    SELECT * REPLACE (same_data OR data_cleared AS same_data), same_data AS same_revision,
        abs(delta) <= match_floors * floor AS within
    FROM delta_facts
),
judged AS (
    SELECT *, verdict(delta, left_score, floor, obstacle, same_data,
        match_floors := match_floors, drift := drift, drift_floors := drift_floors, lost := lost) AS verdict
    FROM facts
)
SELECT d.kind, d.model, d.task, d.type, d.split, d.subset, coalesce(d.task_metric, 'main_score') AS metric,
    d.left_id, d.right_id, d.left_origin, d.right_origin, d.left_run, d.right_run, d.left_revision, d.right_revision,
    d.left_score, d.right_score, d.delta, d.floor, d.floor_scope, d.floor_n, d.same_data, d.obstacle, d.revisions,
    d.verdict,
    d.verdict <> 'not comparable' AS comparable,
    CASE
        WHEN d.obstacle IS NOT NULL THEN d.hindrance
        WHEN d.same_data OR d.within OR d.delta IS NULL THEN NULL
        WHEN d.same_data IS NULL THEN 'the data set revision of one side is not known'
        ELSE 'another data set revision'
    END AS why_not,
    nullif(concat_ws('; ', d.remarks,
        CASE WHEN d.obstacle IS NOT NULL OR d.same_revision THEN NULL
            WHEN d.within AND d.same_revision IS NULL
                THEN 'matches although the data set revision of one side is not known'
            WHEN d.within THEN 'matches although the data set revision differs'
            WHEN d.data_cleared AND d.delta IS NOT NULL
                THEN 'the data set revision is not the same, but on the same data another run of this model matches'
        END), '') AS remarks
FROM judged d;

CREATE VIEW deltas AS FROM deltas_under(1.0, 0.015, 3.0, 0.3);

-- What is known of a model as a whole, for other pages: of the tasks on which a claim was checked, how many hold (match
-- or drift on every comparable cell, in the best of several runs). Runs of this machine speak before official ones.
-- More than a quarter failing contradicts it: a task or two fail for every model, because their data changed.
CREATE VIEW badges AS
WITH by_result AS (
    SELECT kind, model, task, right_id, bool_and(verdict IN ('match', 'drift')) AS holds
    FROM deltas WHERE kind IN ('reported', 'reproduced') AND comparable GROUP BY ALL
),
by_task AS (SELECT kind, model, task, bool_or(holds) AS holds FROM by_result GROUP BY ALL),
by_model AS (
    SELECT model, kind, count(*) AS tasks_compared, count(*) FILTER (holds) AS tasks_held FROM by_task GROUP BY model, kind
    QUALIFY row_number() OVER (PARTITION BY model ORDER BY kind = 'reproduced' DESC) = 1
)
SELECT m.model, coalesce(b.tasks_compared, 0) AS tasks_compared, coalesce(b.tasks_held, 0) AS tasks_held,
    CASE b.kind WHEN 'reproduced' THEN 'own runs' WHEN 'reported' THEN 'official runs' END AS checked_by,
    CASE WHEN b.model IS NULL THEN 'not reproduced'
        WHEN tasks_compared - tasks_held > tasks_compared / 4 THEN 'contradicted'
        ELSE 'reproduced' END AS badge
FROM (SELECT model FROM models UNION SELECT model FROM comparable_results) m LEFT JOIN by_model b USING (model);
