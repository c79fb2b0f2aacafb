"""The evidence base as a graph: nodes, edges, traversal, relatedness and exchange."""
