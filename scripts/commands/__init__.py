"""One file per command: arguments in, one call, what a person sees out."""
