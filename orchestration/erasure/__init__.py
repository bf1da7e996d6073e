"""Erasing a person who asks for it: from what was loaded, built, published and noted."""
