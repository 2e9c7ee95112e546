"""Parts of pages that are long enough for a file of their own, or shown on more than one page; layout only."""
