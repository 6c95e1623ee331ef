"""Random people making random moves, legal and illegal, and rules 1 to 7 asked of the tables after each of them."""
