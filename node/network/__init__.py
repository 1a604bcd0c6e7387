"""Links between nodes, and what is said on them."""
