"""Frames as a page shows them: points instead of 0-1, readable names, blanks for what is missing."""
