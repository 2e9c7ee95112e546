-- Two figures for one cell, their difference, and what it means. The delta is check - claim on the 0-1 scale, so
-- that a loss is negative whatever is compared:
--
--   kind        claim                                 check
--   reported    a model card's own figure             the official run of mteb
--   reproduced  the official run (or the model card)  a run of this machine
--   card        a model card's own figure             a run of this machine
--   runs        an earlier run of this machine        a later one
--
-- The rules that need thresholds are macros with the defaults of data/rules/deltas.py, so that a page or a command that
-- overrides them asks the same rule.

-- match <= match_floors x floor < drift <= the larger of drift and drift_floors x floor < gap; broken: a gap in which
-- more than `lost` of the claimed score is gone. A difference beyond the floor between different (or unknown) data set
-- revisions proves nothing about the model: not comparable. Within the floor it is a match all the same.
CREATE MACRO verdict(delta, claim_score, floor, obstacle, same_data,
                     match_floors := 1.0, drift := 0.015, drift_floors := 3.0, lost := 0.3) AS
    CASE
        WHEN obstacle IS NOT NULL OR delta IS NULL THEN 'not comparable'
        WHEN abs(delta) <= match_floors * floor THEN 'match'
        WHEN same_data IS NOT TRUE THEN 'not comparable'
        WHEN abs(delta) <= greatest(drift, drift_floors * floor) THEN 'drift'
        WHEN claim_score > 0 AND delta < -lost * claim_score THEN 'broken'
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
CREATE MACRO revisions_apart(claim, claim_weights, checked, checked_weights) AS
    CASE
        WHEN claim = checked OR claim IS NULL OR checked IS NULL OR claim_weights = checked_weights THEN NULL
        WHEN starts_with(claim, 'as-served-') OR starts_with(checked, 'as-served-')
            THEN {'code': 'unknown', 'words': 'one side was served by a program that does not tell its revision'}
        WHEN starts_with(claim, 'local-') AND starts_with(checked, 'local-') THEN CASE WHEN claim_weights <> checked_weights
            THEN {'code': 'weights', 'words': 'the two are of folders with different weights'} END
        WHEN starts_with(claim, 'local-') OR starts_with(checked, 'local-') THEN
            CASE WHEN claim_weights <> checked_weights
                THEN {'code': 'weights', 'words': format('run from a folder, whose weights are not those of revision {}',
                    left(CASE WHEN starts_with(claim, 'local-') THEN checked ELSE claim END, 7))}
                ELSE {'code': 'unknown', 'words': format('run from a folder; whether its files are revision {} is not known',
                    left(CASE WHEN starts_with(claim, 'local-') THEN checked ELSE claim END, 7))} END
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
SELECT 'reported' AS kind, claim.result_id AS claim_id, checked.result_id AS check_id
FROM reported claim JOIN official checked USING (model, task)
UNION ALL
SELECT 'reproduced', claim.result_id, checked.result_id
FROM own checked JOIN comparable_results claim USING (model, task) WHERE claim.origin <> 'reproduced'
QUALIFY row_number() OVER (
    PARTITION BY checked.result_id
    ORDER BY claim.origin = 'official' DESC, claim.withdrawn, claim.revision = checked.revision DESC NULLS LAST,
        claim.counts DESC, claim.date DESC NULLS LAST, claim.result_id DESC
) = 1
UNION ALL
SELECT 'card', claim.result_id, checked.result_id
FROM own checked JOIN comparable_results claim USING (model, task) WHERE claim.origin = 'reported'
QUALIFY row_number() OVER (PARTITION BY checked.result_id ORDER BY claim.withdrawn, claim.result_id DESC) = 1
UNION ALL
SELECT 'runs', claim.result_id, checked.result_id
FROM own claim JOIN own checked USING (model, task)
WHERE claim.run_id <> checked.run_id
    AND (coalesce(claim.date, TIMESTAMP '1970-01-01'), claim.result_id)
        < (coalesce(checked.date, TIMESTAMP '1970-01-01'), checked.result_id);

-- The cells of both sides. Where the two share no cell, but each has just one in the split, the subset was renamed;
-- otherwise one row says that there is nothing to compare.
CREATE VIEW delta_cells AS
WITH pairs AS MATERIALIZED (FROM delta_pairs),
shared AS MATERIALIZED (
    SELECT p.*, claim.split, claim.subset, claim.main_score AS claim_raw, checked.main_score AS check_raw,
        claim.metric_set AS claim_set, claim.metrics AS claim_metrics,
        checked.metric_set AS check_set, checked.metrics AS check_metrics,
        NULL::VARCHAR AS renamed
    FROM pairs p
    JOIN scores claim ON claim.result_id = p.claim_id
    JOIN scores checked ON checked.result_id = p.check_id AND checked.split = claim.split AND checked.subset = claim.subset
),
apart AS MATERIALIZED (FROM pairs ANTI JOIN shared USING (claim_id, check_id)),
lone_claim AS (
    SELECT a.kind, a.claim_id, a.check_id, any_value(claim.split) AS split, any_value(claim.subset) AS subset,
        count(*) AS cells, any_value(claim.main_score) AS score
    FROM apart a JOIN scores claim ON claim.result_id = a.claim_id GROUP BY ALL
),
lone_check AS (
    SELECT a.kind, a.claim_id, a.check_id, any_value(checked.split) AS split, any_value(checked.subset) AS subset,
        count(*) AS cells, any_value(checked.main_score) AS score
    FROM apart a JOIN scores checked ON checked.result_id = a.check_id GROUP BY ALL
)
FROM shared
UNION ALL
SELECT claim.kind, claim.claim_id, claim.check_id, checked.split, checked.subset,
    CASE WHEN claim.cells = 1 AND checked.cells = 1 AND claim.split = checked.split THEN claim.score END,
    CASE WHEN claim.cells = 1 AND checked.cells = 1 AND claim.split = checked.split THEN checked.score END,
    NULL, NULL, NULL, NULL,
    CASE WHEN claim.cells = 1 AND checked.cells = 1 AND claim.split = checked.split
        THEN format('the subset was renamed: {} is now {}', claim.subset, checked.subset) END
FROM lone_claim claim JOIN lone_check checked USING (kind, claim_id, check_id);

-- The noise floor of a task, else of its type, else over all, with which of these it is and the pairs behind it; also of
-- tasks that were run here in a store without an import, which knows nothing of them.
CREATE VIEW task_floors AS
SELECT task, coalesce(own.floor, kin.floor, every.floor) AS floor, coalesce(own.scope, kin.scope, every.scope) AS scope,
    coalesce(own.n, kin.n, every.n) AS n
FROM (SELECT task, type FROM tasks
      UNION ALL SELECT DISTINCT task, NULL FROM results ANTI JOIN tasks USING (task) WHERE results.origin = 'reproduced')
LEFT JOIN noise_floors own ON own.scope = 'task' AND own.name = task
LEFT JOIN noise_floors kin ON kin.scope = 'type' AND kin.name = type
LEFT JOIN noise_floors every ON every.scope = 'all';

-- Kept in the table delta_figures, model by model as their results change: asked whole it reads every score that is compared.
CREATE VIEW delta_facts AS
WITH weights AS MATERIALIZED (FROM known_weights),
judged AS (
    SELECT c.*, claim.model, claim.task, t.type,
        claim.origin AS claim_origin, checked.origin AS check_origin,
        claim.run_id AS claim_run, checked.run_id AS check_run,
        claim.revision AS claim_revision, checked.revision AS check_revision,
        claim.mteb_version AS claim_version, checked.mteb_version AS check_version,
        claim.dataset_revision AS claim_data, checked.dataset_revision AS check_data,
        same_dataset(claim.dataset_revision, checked.dataset_revision) AS same_data,
        t.metric AS task_metric, coalesce(claim.metric, t.metric) AS claim_metric,
        coalesce(checked.metric, t.metric) AS check_metric,
        CASE WHEN on_old_scale(claim_raw, claim.task) THEN claim_raw / 100 ELSE claim_raw END AS claim_score,
        CASE WHEN on_old_scale(check_raw, claim.task) THEN check_raw / 100 ELSE check_raw END AS check_score,
        -- A model's card names none.
        CASE WHEN claim.origin = 'reported' OR checked.origin = 'reported' THEN NULL
            ELSE revisions_apart(claim.revision, claim_weights.weights, checked.revision, check_weights.weights)
        END AS apart,
        concat_ws('; ',
            CASE WHEN on_old_scale(claim_raw, claim.task) OR on_old_scale(check_raw, claim.task)
                THEN 'a figure on the old 0-100 scale was divided by 100' END,
            renamed,
            CASE WHEN claim_metric <> check_metric
                THEN format('the metric is called {} on one side and {} on the other', claim_metric, check_metric) END,
            struct_extract(apart, 'words'),
            CASE WHEN claim.withdrawn AND checked.withdrawn THEN 'both figures were published once and withdrawn since'
                WHEN claim.withdrawn THEN figure_of(claim.origin) || ' was published once and withdrawn since'
                WHEN checked.withdrawn THEN figure_of(checked.origin) || ' was published once and withdrawn since'
            END) AS remarks
    FROM delta_cells c
    JOIN results claim ON claim.result_id = c.claim_id
    JOIN results checked ON checked.result_id = c.check_id
    LEFT JOIN tasks t ON t.task = claim.task
    LEFT JOIN weights claim_weights ON claim_weights.model = claim.model AND claim_weights.revision = claim.revision
    LEFT JOIN weights check_weights ON check_weights.model = checked.model AND check_weights.revision = checked.revision
),
floored AS (
    SELECT j.*, check_score - claim_score AS delta,
        -- Without a table of floors (an old bundle) nothing is known of the noise: the widest drift is the floor.
        coalesce(f.floor, 0.015) AS floor, coalesce(f.scope, 'none') AS floor_scope, coalesce(f.n, 0) AS floor_n
    FROM judged j LEFT JOIN task_floors f USING (task)
),
-- Other data are shown to give the same score where every cell of a run on them is within the floor: what another run
-- of the model does on the same data is then its own doing.
whole AS (
    SELECT *, kind = 'reproduced' AND check_data IS NOT NULL
        AND bool_and(coalesce(abs(delta) <= floor, false)) OVER (PARTITION BY kind, model, claim_id, check_id) AS holds
    FROM floored
),
-- A figure that is no match, but is just the value of another metric of the other side.
mixed AS (
    SELECT w.*, metric_with_value(check_names.names, check_metrics, claim_score) AS claim_is,
        metric_with_value(claim_names.names, claim_metrics, check_score) AS check_is
    FROM whole w
    LEFT JOIN metric_sets claim_names ON claim_names.metric_set = w.claim_set
    LEFT JOIN metric_sets check_names ON check_names.metric_set = w.check_set
)
SELECT f.* EXCLUDE (claim_set, claim_metrics, check_set, check_metrics, claim_raw, check_raw, renamed, remarks, holds,
        hindered, claim_is, check_is, apart),
    apart.code AS revisions, hindered.code AS obstacle, hindered.words AS hindrance,
    bool_or(holds) OVER (PARTITION BY kind, model, claim_id, check_data) AS data_cleared,
    nullif(remarks, '') AS remarks
FROM (SELECT *, CASE
        WHEN claim_score IS NULL AND check_score IS NULL AND delta IS NULL AND claim_metrics IS NULL
            THEN {'code': 'no shared cell', 'words': 'the two have no split and subset in common'}
        WHEN claim_score IS NULL
            THEN {'code': 'missing', 'words': figure_of(claim_origin) || ' is missing for this cell'}
        WHEN check_score IS NULL
            THEN {'code': 'missing', 'words': figure_of(check_origin) || ' is missing for this cell'}
        -- Names of one metric changed over the years: equal figures are a match whatever the metric is called.
        WHEN abs(delta) <= floor THEN NULL
        WHEN claim_metric <> check_metric
            THEN {'code': 'metric', 'words': format('another metric: {} against {}', claim_metric, check_metric)}
        -- Files of mteb 0.0 give the average precision as main score of some two-class tasks.
        WHEN (claim_version LIKE '0.0.%' OR check_version LIKE '0.0.%')
            AND task IN ('ToxicConversationsClassification', 'AmazonCounterfactualClassification')
            THEN {'code': 'metric', 'words': 'another metric: mteb 0.0 wrote ap where the task counts accuracy'}
        WHEN claim_is <> check_metric
            THEN {'code': 'metric', 'words': format('another metric: {} is the {} of the other side, not its {}',
                figure_of(claim_origin), claim_is, check_metric)}
        WHEN check_is <> claim_metric
            THEN {'code': 'metric', 'words': format('another metric: {} is the {} of the other side, not its {}',
                figure_of(check_origin), check_is, claim_metric)}
    END AS hindered FROM mixed) f;

-- The deltas under thresholds of one's own; `deltas` below has the defaults.
CREATE MACRO deltas_under(match_floors, drift, drift_floors, lost) AS TABLE
WITH facts AS (
    SELECT * REPLACE (same_data OR data_cleared AS same_data), same_data AS same_revision,
        abs(delta) <= match_floors * floor AS within
    FROM delta_figures
),
judged AS (
    SELECT *, verdict(delta, claim_score, floor, obstacle, same_data,
        match_floors := match_floors, drift := drift, drift_floors := drift_floors, lost := lost) AS verdict
    FROM facts
)
SELECT d.kind, d.model, d.task, d.type, d.split, d.subset, coalesce(d.task_metric, 'main_score') AS metric,
    d.claim_id, d.check_id, d.claim_origin, d.check_origin, d.claim_run, d.check_run, d.claim_revision, d.check_revision,
    d.claim_score, d.check_score, d.delta, d.floor, d.floor_scope, d.floor_n, d.same_data, d.obstacle, d.revisions,
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

-- Of each model and kind, on how many tasks two figures can be compared, and on how many they hold on every such cell, in
-- the best of several runs: what data/rules/believing.py judges a model by, for a record too large to judge model by model.
CREATE MACRO claims_held(match_floors, drift, drift_floors, lost) AS TABLE
WITH by_result AS (
    SELECT kind, model, task, check_id, bool_and(verdict IN ('match', 'drift')) AS holds
    FROM deltas_under(match_floors, drift, drift_floors, lost)
    WHERE comparable AND kind <> 'runs' AND (kind <> 'reproduced' OR claim_origin = 'official') GROUP BY ALL
),
by_task AS (SELECT kind, model, task, bool_or(holds) AS holds FROM by_result GROUP BY ALL)
SELECT model, kind, count(*) AS tasks, count(*) FILTER (holds) AS held FROM by_task GROUP BY model, kind;

-- What is known of a model as a whole, for other pages: of the tasks on which a claim was checked, how many hold (match
-- or drift on every comparable cell, in the best of several runs). Runs of this machine speak before official ones.
-- More than a quarter failing contradicts it: a task or two fail for every model, because their data changed.
CREATE VIEW badges AS
WITH by_result AS (
    SELECT kind, model, task, check_id, bool_and(verdict IN ('match', 'drift')) AS holds
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
FROM (SELECT model FROM models UNION SELECT model FROM model_counts) m LEFT JOIN by_model b USING (model);
