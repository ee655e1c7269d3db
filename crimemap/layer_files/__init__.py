"""Files of boundaries, blocks and streets: GeoJSON, shapefiles and tables, each opened in a confined process."""
