-- Named causes with their evidence: from a preflight of a model's files, or a diagnosis of a gap.

CREATE TABLE findings (
    finding_id VARCHAR PRIMARY KEY,
    run_id     VARCHAR NOT NULL,
    model      VARCHAR NOT NULL,
    subject    VARCHAR,                     -- encoder_id, task or file it is about
    tier       VARCHAR NOT NULL,            -- files | code | weights | tokenizer | configuration | vectors | scores
    code       VARCHAR NOT NULL,            -- stable name of the cause, e.g. weights-missing
    severity   VARCHAR NOT NULL,            -- fatal | serious | notice
    seen       VARCHAR NOT NULL,
    why        VARCHAR NOT NULL,
    remedy     VARCHAR NOT NULL,
    evidence   JSON
);

CREATE TABLE diagnoses (
    diagnosis_id VARCHAR PRIMARY KEY, run_id VARCHAR NOT NULL, check_id VARCHAR, candidate VARCHAR NOT NULL,
    verdict VARCHAR NOT NULL,               -- identical | precision only | explained | partly explained | unstable | unknown
    sentence VARCHAR NOT NULL, unexplained DOUBLE, floor DOUBLE, runner_up VARCHAR, snippet VARCHAR, proof JSON,
    runner_up_code VARCHAR                  -- of data/rules/causes, as below
);

-- One row a cause in the order they were accepted, then the runners-up.
CREATE TABLE diagnosis_causes (
    diagnosis_id VARCHAR NOT NULL, position INTEGER NOT NULL, cause VARCHAR NOT NULL, same_as VARCHAR[],
    slot VARCHAR NOT NULL, accepted BOOLEAN NOT NULL, explained DOUBLE, remaining DOUBLE, remedy VARCHAR,
    side VARCHAR,                           -- candidate | both: where the remedy is made; NULL is the candidate
    code VARCHAR,                           -- of data/rules/causes, which the words are of; several joined by ' + '
    blanks JSON                             -- what the blanks of the words hold, as {"length": 32}
);
