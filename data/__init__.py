"""The contract between the evaluators, which write the store, and the dashboard, which reads it.

Nothing in this package imports from either side, and nothing here needs mteb, torch or Streamlit.
"""
