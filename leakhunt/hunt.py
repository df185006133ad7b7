"""The whole pipeline on one page: Evidence to Report."""
