"""The first page: rating movies and one's own list, profiles, imports, and somebody else's list."""
