"""Programs for other environments; in a folder of their own, since Python puts a script's folder first on its path."""
