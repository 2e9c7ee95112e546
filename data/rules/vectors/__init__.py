"""The mathematics of vectors that checks and pages share: text by text, as clouds of points, and between many sides.

Rows are texts and stand in the same order everywhere; a row of NaN is a text that failed and counts nowhere. Sums are
in float64. How it is done stands in ``arrays`` once: what a direction is, which texts are related to each other where
there are many, who is whose nearest, and how ranks are tied.
"""
