"""The nouns: plain values that sources assert, and the tables they become."""
