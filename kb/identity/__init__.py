"""Are two records one work? Identifiers and their normal forms, comparison, decision."""
