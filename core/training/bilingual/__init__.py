"""Teaching the English sentence encoder Chinese."""
