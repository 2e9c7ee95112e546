"""What maintainers run: the bundled record, runs and sample, the noise floors, the self-test of the diagnosis."""
