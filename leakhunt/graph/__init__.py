"""A heap to structure: roots, retention paths, dominators, types. Pure functions on a HeapGraph."""
