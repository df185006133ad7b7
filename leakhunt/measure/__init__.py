"""Profiles to numbers: sites, series, sampling error, trends, differences. Pure functions on the model."""
