"""The page that says what Cinefold and the data are."""
