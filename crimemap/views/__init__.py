"""Pages and data of the crime map: thin callers of crimemap.query and crimemap.places."""
