"""Officers on duty: how they come and go, and what they say about urgent alerts."""
