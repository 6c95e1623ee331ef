"""Files that people hand in: what they are by their own bytes, where they lie, and who looks for viruses in them."""
