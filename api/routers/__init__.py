"""The JSON routes, one module per subject."""
