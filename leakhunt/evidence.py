"""A lazy, cached view of everything that was loaded; what detectors receive."""
