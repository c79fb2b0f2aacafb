"""Effect sizes, pooling and what may be said of the result, on plain arrays and tables."""
