"""What the pages of the registry ask their readers for."""
