"""Movies that somebody keeps for later, has seen, or does not want."""
