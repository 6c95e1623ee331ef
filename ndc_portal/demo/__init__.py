"""The demonstration: fictitious people in real places, and a story in which agencies exchange their data."""
