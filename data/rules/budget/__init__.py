"""The few tasks that tell the rest: which to run for a budget, and what a whole benchmark comes to from them.

The record of hundreds of models says how tasks go together. A model is seen as one draw of a multivariate normal over
the tasks of a benchmark; what was measured of it says what the rest will be, how surely, and which task would say most
next.
"""
