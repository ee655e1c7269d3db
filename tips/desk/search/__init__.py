"""Searches the sealed texts of tips for words: opened on the staff side only, in memory only; words never reach the database."""
