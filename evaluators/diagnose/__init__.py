"""Diagnosis: which known cause turns the reference's vectors into the candidate's, and the proof of it.

Controlled ablation: the reference is encoded again under every known cause, one slot at a time and together, and what
comes out is compared with the candidate. What explains the drift is named; what does not is not. ``answer.diagnose`` is
the way in.
"""
