"""plan -> extract -> package -> deliver: from an agreement to a file that holds exactly what was agreed."""
