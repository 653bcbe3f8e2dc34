"""The product at work: the model in use, kept runs, background work; no web framework."""
