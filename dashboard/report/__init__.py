"""Reports: pages drawn once more onto paper, by the same functions and so with the same numbers."""
