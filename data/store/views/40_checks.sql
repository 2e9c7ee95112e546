-- The texts of a parity check, by hash.
CREATE MACRO texts_of(of_check) AS TABLE
SELECT text_hash FROM vectors WHERE check_id = of_check UNION SELECT text_hash FROM drift WHERE check_id = of_check;

-- What makes two findings one fault, whatever run or encoder met it: tier, code and evidence.
CREATE MACRO fault_of(tier, code, evidence, seen) AS
    md5(concat_ws(chr(0), tier, code, coalesce(nullif(evidence::VARCHAR, '{}'), seen)));
