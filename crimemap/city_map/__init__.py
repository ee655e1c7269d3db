"""A city's own base map, built from an extract of OpenStreetMap: what is drawn, and the blocks and crossings of its streets."""
