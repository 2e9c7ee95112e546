-- Schema 3.

-- What an encoder is like is kept beside it; until then it was known by the names of the backends there were.
ALTER TABLE encoders ADD COLUMN IF NOT EXISTS outside BOOLEAN;
ALTER TABLE encoders ADD COLUMN IF NOT EXISTS own_weights BOOLEAN;

UPDATE encoders SET
    outside = backend IN ('openai', 'tei', 'command', 'langchain'),
    own_weights = backend IN ('sentence-transformers', 'transformers', 'flag-embedding', 'bce')
        AND coalesce(settings ->> '$.options.runtime', 'torch') = 'torch';

UPDATE runs SET settings = json_merge_patch(settings, '{"in_use": {"outside": true}}')
WHERE settings ->> '$.in_use.encoder' IN ('openai', 'tei', 'command', 'langchain');
