-- Schema 2: the tests of an encoder name the outputs they are about. Until then only the sentence of the one test that
-- tells outputs apart did; it is read here, once, because nothing else kept them.

ALTER TABLE protocol ADD COLUMN IF NOT EXISTS outputs VARCHAR[];

UPDATE protocol SET outputs = regexp_extract_all(
    regexp_extract(detail, 'disagree in the (.*?)(;|: weights)', 1), '(dense|sparse|multi) output', 1
)
WHERE test = 'loads' AND outcome = 'fail' AND value IS NOT NULL;
