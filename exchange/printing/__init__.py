"""Decision letters on paper: the words, the layout and the type."""
