"""The evidence base as a graph: kinds of nodes and edges, traversal, relatedness, metrics, exchange."""
