-- Every answer to the few texts asked again and again, of encoders of which something was seen.
CREATE TABLE answers (
    check_id  VARCHAR NOT NULL, encoder_id VARCHAR NOT NULL,
    call      INTEGER NOT NULL,             -- number of the call, in the order made
    how       VARCHAR NOT NULL,             -- batch | alone | reversed | company
    load      INTEGER NOT NULL,             -- 1, or 2 for a second load of the model
    place     INTEGER NOT NULL,             -- of the text in the call
    text_hash VARCHAR NOT NULL,
    vector    FLOAT[] NOT NULL
);
