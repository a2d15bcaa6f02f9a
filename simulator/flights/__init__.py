"""Flies the whole job again and again, with or without trouble on the way, and says how often it ended well."""
