"""Recommendations for a user of the data."""
