"""The pages of the decision desk, with few requests and with many."""
