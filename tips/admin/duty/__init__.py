"""Admin pages about duty and alerts: an officer's own, the calendar, and channels."""
