-- Schema 3: under which name a result was published, where the registry has replaced it. Until then only the sentence of
-- its notes said so; it is read here, once.

ALTER TABLE results ADD COLUMN IF NOT EXISTS filed_as VARCHAR;

UPDATE results SET filed_as = regexp_extract(notes, 'model was called ([^;]+)', 1) WHERE notes LIKE '%model was called %';
