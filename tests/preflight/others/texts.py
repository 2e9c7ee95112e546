"""What the small tokenizers are trained on, and the texts by which a folder is told from an intact one."""

from __future__ import annotations

TRAINING = (
    "The committee will publish its report in the spring, and nobody expects it to be short.",
    "A bus leaves the station every twenty minutes until midnight; on Sundays there is one an hour.",
    "NASA and the EU signed the Paris Agreement in 2015; 196 parties joined it within a year.",
    "Café naïve, señor, Übermut, and they've said it isn't the dog's dinner.",
    "def area(r): return 3.14 * r ** 2  # 1,250.75 kg were shipped to Rotterdam",
    "Boil the potatoes for fifteen minutes, drain them, and mash them with butter and salt.",
    "The patient was given 40 mg of the drug twice daily and recovered within three weeks.",
    "Interest rates rose again, so that households with a mortgage had less to spend.",
    "She read the letter twice, folded it, and put it between the pages of the dictionary.",
    "In der Nacht hat es geschneit; le train pour Lyon est parti à l'heure.",
    "  two  spaces\tand a tab\nthen a line",
    "Who wrote the first treatise on optics, and where was it printed?",
    "https://example.org/a?b=1&c=%20 is where the data are kept (see Table 4).",
    "A vector that is far from its like says that something went wrong on the way.",
    "THE CONTRACT IS VOID WHERE THE TENANT HAS NOT BEEN HEARD.",
    "Glaciers retreat faster than the models of the nineties had foretold.",
)

_LONG = " ".join(f"Paragraph {i}: {text}" for i, text in enumerate(TRAINING * 3))

PROBES = (
    "A child flies a red kite on a windy hill.",
    "Which medicine lowers blood pressure without making people tired?",
    "The lamp burned two litres of oil in a week",
    "QUARTERLY REPORT: Revenue Of The Company Rose By Twelve Percent In Germany",
    "Crème brûlée à la façon d’Orléans, Ångström, São Paulo, Dvořák",
    "Cafe\u0301 with a decomposed accent, ｆｕｌｌ　ｗｉｄｔｈ ｆｏｒｍｓ",
    "東京の天気は今日とても良いです。机器学习的模型",
    "Москва слезам не верит",
    "def f(x):\n    return [i ** 2 for i in range(x) if i % 3 == 0]",
    "SELECT name, SUM(amount) FROM orders WHERE year = 2021 GROUP BY name;",
    "numbers 1 2 3 and 45 and 1,250.75 and 2021-03-14",
    "    indented and spaced    ",
    "A literal [CLS] and [SEP] and </s> and <mask> in the text",
    "word",
    "don't, can't, it's — “quoted” … and so/on; e-mail@example.com",
    "internationalisation antidisestablishmentarianism floccinaucinihilipilification",
    "the in of a to",
    " ".join(TRAINING[:4]),
    " ".join(TRAINING),
    _LONG,
)
