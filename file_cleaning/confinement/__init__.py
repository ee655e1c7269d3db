"""Confined processes for untrusted files: how one is started, and how it confines itself before it reads."""
