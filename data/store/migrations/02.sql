-- Schema 2.

-- The tests of an encoder name the outputs they are about. Until then only the sentence of the one test that tells
-- outputs apart did; it is read here, once, because nothing else kept them.

ALTER TABLE protocol ADD COLUMN IF NOT EXISTS outputs VARCHAR[];

UPDATE protocol SET outputs = regexp_extract_all(
    regexp_extract(detail, 'disagree in the (.*?)(;|: weights)', 1), '(dense|sparse|multi) output', 1
)
WHERE test = 'loads' AND outcome = 'fail' AND value IS NOT NULL;

-- A remedy says on which side it is made; these causes were known by then as mended on both.
ALTER TABLE diagnosis_causes ADD COLUMN IF NOT EXISTS side VARCHAR;

UPDATE diagnosis_causes SET side = CASE WHEN cause IN (
    'white space stripped', 'white space collapsed', 'newlines replaced by spaces', 'texts left as they are',
    'unicode form NFC', 'unicode form NFD', 'unicode form NFKC', 'unicode form NFKD', 'markup removed',
    'dimensions permuted', 'a rotation of the space') THEN 'both' ELSE 'candidate' END
WHERE remedy IS NOT NULL;

-- What repeated asking of an encoder showed, as codes and numbers, and every answer it rests on.
ALTER TABLE protocol ADD COLUMN IF NOT EXISTS code VARCHAR;
ALTER TABLE protocol ADD COLUMN IF NOT EXISTS observed JSON;

CREATE TABLE IF NOT EXISTS answers (
    check_id VARCHAR NOT NULL, encoder_id VARCHAR NOT NULL, call INTEGER NOT NULL, how VARCHAR NOT NULL,
    load INTEGER NOT NULL, place INTEGER NOT NULL, text_hash VARCHAR NOT NULL, vector FLOAT[] NOT NULL
);
