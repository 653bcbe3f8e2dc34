"""A page for each movie."""
