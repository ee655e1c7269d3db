"""The pages on which an administrator adds a source, and changes its columns and codes afterwards."""
