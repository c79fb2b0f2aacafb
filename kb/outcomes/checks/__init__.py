"""Whether reported numbers can be true, by themselves and beside each other. Pure."""
