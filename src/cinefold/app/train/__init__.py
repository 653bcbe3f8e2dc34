"""Training a model with other parameters."""
