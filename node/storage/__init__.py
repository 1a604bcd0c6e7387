"""Where a node keeps what it must not lose: one group-commit log and one store for all its chains."""
