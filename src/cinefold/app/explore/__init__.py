"""The map of the movies and a page for one."""
