"""Run MTEB's own tasks on this machine and keep every figure with what is needed to tell why it differs.

``run.reproduce`` is the loop; ``models`` loads, ``tasks`` and ``own`` choose what to run, ``instrumented`` counts
texts and shrinks batches, ``warning_capture`` keeps warnings, ``journal`` makes it resumable and ``publish`` puts it in
the store.
"""
