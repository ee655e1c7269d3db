"""Pages and data of the crime map: thin callers of crimemap.snapshot.reader and crimemap.places.lookup."""
