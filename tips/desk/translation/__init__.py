"""Translations of what a source wrote: by officers, or by a command-line translator on this server. No text leaves for a service."""
