"""The alert record in the forms that others read: CAP 1.2, Cursor on Target, GeoJSON. Pure."""
