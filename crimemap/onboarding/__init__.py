"""Setting up a source, step by step, before its first file is published."""
