-- Schema 3.

-- The two sides of a delta are called claim and check (`claim_*`, `check_*`, left and right until then): views alone, which
-- are made again.
-- A cause has a code beside its words. Until then there were words alone; they are read here, once.
ALTER TABLE diagnosis_causes ADD COLUMN IF NOT EXISTS code VARCHAR;
ALTER TABLE diagnosis_causes ADD COLUMN IF NOT EXISTS blanks JSON;
ALTER TABLE diagnoses ADD COLUMN IF NOT EXISTS runner_up_code VARCHAR;

-- The words as they were, whole, the code, and the names of the blanks in them.
CREATE TEMP TABLE words_of_causes (words VARCHAR, code VARCHAR, first_blank VARCHAR, second_blank VARCHAR);
INSERT INTO words_of_causes VALUES
    ('white space stripped', 'white-space-stripped', NULL, NULL),
    ('white space collapsed', 'white-space-collapsed', NULL, NULL),
    ('newlines replaced by spaces', 'newlines-replaced', NULL, NULL),
    ('newlines removed', 'newlines-removed', NULL, NULL),
    ('a leading space', 'leading-space', NULL, NULL),
    ('a trailing newline', 'trailing-newline', NULL, NULL),
    ('texts lower-cased', 'texts-lower-cased', NULL, NULL),
    ('texts upper-cased', 'texts-upper-cased', NULL, NULL),
    ('accents removed from the texts', 'accents-removed', NULL, NULL),
    ('unicode form NFC', 'unicode-nfc', NULL, NULL),
    ('unicode form NFD', 'unicode-nfd', NULL, NULL),
    ('unicode form NFKC', 'unicode-nfkc', NULL, NULL),
    ('unicode form NFKD', 'unicode-nfkd', NULL, NULL),
    ('everything but ASCII dropped', 'ascii-only', NULL, NULL),
    ('UTF-8 read as Latin-1', 'utf8-as-latin1', NULL, NULL),
    ('unicode escapes in the place of characters', 'unicode-escapes', NULL, NULL),
    ('punctuation removed', 'punctuation-removed', NULL, NULL),
    ('markup removed', 'markup-removed', NULL, NULL),
    ('texts left as they are', 'texts-as-they-are', NULL, NULL),
    ('prompt missing', 'prompt-missing', NULL, NULL),
    ('query and document swapped', 'prompts-swapped', NULL, NULL),
    ('the query''s prompt on every text', 'prompt-on-every-text', NULL, NULL),
    ('prompt "query: " (added|in the place of the model''s own)', 'prompt-query', 'how', NULL),
    ('prompt "passage: " (added|in the place of the model''s own)', 'prompt-passage', 'how', NULL),
    ('BGE''s instruction (added|in the place of the model''s own)', 'prompt-bge', 'how', NULL),
    ('an Instruct prompt (added|in the place of the model''s own)', 'prompt-instruct', 'how', NULL),
    ('max length (\d+)', 'max-length', 'length', NULL),
    ('EOS \(the end token\) missing', 'eos-missing', NULL, NULL),
    ('EOS \(the end token\) added twice', 'eos-twice', NULL, NULL),
    ('CLS or BOS \(the first token\) missing', 'bos-missing', NULL, NULL),
    ('special tokens missing', 'special-tokens-missing', NULL, NULL),
    ('special tokens in the text read as plain text', 'special-tokens-literal', NULL, NULL),
    ('lower-casing lost in the tokenizer', 'lower-casing-lost', NULL, NULL),
    ('accents kept by the tokenizer', 'accents-kept', NULL, NULL),
    ('CJK characters not split', 'cjk-not-split', NULL, NULL),
    ('the tokenizer''s normalizer lost', 'normalizer-lost', NULL, NULL),
    ('a space put before each text by the tokenizer', 'prefix-space', NULL, NULL),
    ('tokenizer missing', 'tokenizer-missing', NULL, NULL),
    ('long texts cut at the beginning', 'cut-at-the-beginning', NULL, NULL),
    ('attention mask ignored', 'mask-ignored', NULL, NULL),
    ('attention mask ignored, padding in the mean', 'mask-ignored-throughout', NULL, NULL),
    ('padding on the left without moving positions', 'padding-left', NULL, NULL),
    ('positions shifted by 1', 'positions-shifted-1', NULL, NULL),
    ('positions shifted by 2', 'positions-shifted-2', NULL, NULL),
    ('causal mask lost', 'causal-mask-lost', NULL, NULL),
    ('causal mask', 'causal-mask', NULL, NULL),
    ('mean pooling with padding', 'padding-in-the-mean', NULL, NULL),
    ('the last place taken, padding or not', 'last-place-pooled', NULL, NULL),
    ('fp16 arithmetic', 'fp16-arithmetic', NULL, NULL),
    ('bf16 arithmetic', 'bf16-arithmetic', NULL, NULL),
    ('int8 weights \(q8_0\)', 'int8-weights-q8_0', NULL, NULL),
    ('int8 weights, one scale a row', 'int8-weights-by-row', NULL, NULL),
    ('int4 weights \(q4_0\)', 'int4-weights-q4_0', NULL, NULL),
    ('int4 weights, one scale a row', 'int4-weights-by-row', NULL, NULL),
    ('int8 activations', 'int8-activations', NULL, NULL),
    ('int8 activations, as PyTorch quantises', 'int8-activations-pytorch', NULL, NULL),
    ('LayerNorm lost', 'norms-lost', NULL, NULL),
    ('layer (\d+) of (\d+) missing', 'layer-missing', 'layer', 'layers'),
    ('the last two layers missing', 'last-two-layers-missing', NULL, NULL),
    ('the upper half of the layers missing', 'upper-layers-missing', NULL, NULL),
    ('weights of (\S+)', 'weights-of-file', 'file', NULL),
    ('(\S+) of revision (\S+)', 'weights-of-revision', 'file', 'revision'),
    ('weights random: (.*)', 'weights-random', 'part', NULL),
    ('weights random: the heads', 'heads-random', NULL, NULL),
    ('dropout on', 'dropout-on', NULL, NULL),
    ('dropout on, drawn from the text', 'dropout-by-text', NULL, NULL),
    ('mean pooling', 'pooling-mean', NULL, NULL),
    ('CLS pooling', 'pooling-cls', NULL, NULL),
    ('max pooling', 'pooling-max', NULL, NULL),
    ('last token pooling', 'pooling-last', NULL, NULL),
    ('sum over the root of the length pooling', 'pooling-sum', NULL, NULL),
    ('position-weighted mean pooling', 'pooling-weighted', NULL, NULL),
    ('mean without special tokens pooling', 'pooling-mean-text', NULL, NULL),
    ('the pooler''s output pooling', 'pooling-pooler', NULL, NULL),
    ('normalisation missing', 'normalisation-missing', NULL, NULL),
    ('normalisation doubled', 'normalisation-doubled', NULL, NULL),
    ('normalisation added', 'normalisation-added', NULL, NULL),
    ('vectors stored as int8', 'vectors-int8', NULL, NULL),
    ('vectors stored as single bits', 'vectors-binary', NULL, NULL),
    ('cut to (\d+) dimensions', 'dimensions-cut', 'dimensions', NULL),
    ('cut to (\d+) dimensions and normalised again', 'dimensions-cut-normalised', 'dimensions', NULL),
    ('Dense module missing', 'dense-missing', NULL, NULL),
    ('all vectors scaled by one number', 'scaled', NULL, NULL),
    ('rows shuffled', 'rows-shuffled', NULL, NULL),
    ('dimensions permuted', 'dimensions-permuted', NULL, NULL),
    ('a rotation of the space', 'rotated', NULL, NULL),
    ('a rotation of the space, another at each load', 'rotated-at-each-load', NULL, NULL),
    ('the mean of the call''s vectors taken off each', 'mean-of-call-off', NULL, NULL),
    ('the mean of the call''s vectors taken off each, and normalised again', 'mean-of-call-off-normalised', NULL, NULL),
    ('every dimension standardised over the call', 'standardised-over-call', NULL, NULL),
    ('every dimension standardised over the call, and normalised again', 'standardised-over-call-normalised', NULL, NULL);

-- Several causes that were tried together are one row, joined by ' + '.
CREATE TEMP TABLE coded_causes AS
WITH held AS (
    SELECT cause FROM diagnosis_causes UNION SELECT runner_up FROM diagnoses WHERE runner_up IS NOT NULL
),
parts AS (
    SELECT cause, unnest(string_split(cause, ' + ')) AS part, generate_subscripts(string_split(cause, ' + '), 1) AS place
    FROM held
),
coded AS (
    SELECT cause, place, code, list_zip(
        [first_blank, second_blank], [regexp_extract(part, w.words, 1), regexp_extract(part, w.words, 2)]
    ) AS blanks
    FROM parts JOIN words_of_causes w ON regexp_full_match(part, w.words)
    -- 'weights random: the heads' is a cause of its own, and nothing of a whole is the cause of another
    QUALIFY row_number() OVER (PARTITION BY cause, place ORDER BY first_blank IS NOT NULL) = 1
),
blanks AS (
    SELECT cause, json_group_object(
        name,
        CASE WHEN name IN ('length', 'layer', 'layers', 'dimensions') THEN to_json(value::INTEGER) ELSE to_json(value) END
    ) AS blanks
    FROM (SELECT cause, pair[1] AS name, pair[2] AS value FROM (SELECT cause, unnest(blanks) AS pair FROM coded))
    WHERE name IS NOT NULL GROUP BY cause
)
SELECT cause, string_agg(code, ' + ' ORDER BY place) AS code, any_value(b.blanks) AS blanks
FROM coded LEFT JOIN blanks b USING (cause)
GROUP BY cause
HAVING count(*) = len(string_split(cause, ' + '));

UPDATE diagnosis_causes SET code = c.code, blanks = c.blanks FROM coded_causes c WHERE c.cause = diagnosis_causes.cause;
UPDATE diagnoses SET runner_up_code = c.code FROM coded_causes c WHERE c.cause = diagnoses.runner_up;

-- Findings of a diagnosis were named by the words of their cause.
UPDATE findings SET code = c.code
FROM diagnoses d JOIN diagnosis_causes c USING (diagnosis_id)
WHERE findings.tier = 'vectors' AND findings.run_id = d.run_id AND findings.subject = d.candidate
    AND findings.code = replace(c.cause, ' ', '-') AND c.code IS NOT NULL;

DROP TABLE coded_causes;
DROP TABLE words_of_causes;
-- What an encoder is like is kept beside it; until then it was known by the names of the backends there were.
ALTER TABLE encoders ADD COLUMN IF NOT EXISTS outside BOOLEAN;
ALTER TABLE encoders ADD COLUMN IF NOT EXISTS own_weights BOOLEAN;

UPDATE encoders SET
    outside = backend IN ('openai', 'tei', 'command', 'langchain'),
    own_weights = backend IN ('sentence-transformers', 'transformers', 'flag-embedding', 'bce')
        AND coalesce(settings ->> '$.options.runtime', 'torch') = 'torch';

UPDATE runs SET settings = json_merge_patch(settings, '{"in_use": {"outside": true}}')
WHERE settings ->> '$.in_use.encoder' IN ('openai', 'tei', 'command', 'langchain');
