"""Many models, many tasks, many machines: a plan run on Ray, its results on shared storage.

Ray schedules, restarts and retries; what is here says what is to be run, what a model needs, whose a cell is, and what
became of it. All of that lies on storage, so that whoever dies is followed by another who knows as much.
"""
