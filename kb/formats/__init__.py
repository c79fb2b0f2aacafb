"""File formats: what people keep their evidence in, read into records."""
