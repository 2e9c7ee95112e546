"""Folders of models made by somebody who has not read the rules of preflight, and what each fault does to vectors."""
