"""The composition roots: one file per long-running command, and the life that they share."""
