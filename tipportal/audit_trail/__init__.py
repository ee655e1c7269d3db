"""The audit trail for those who supervise: which lines an account may read, its page, its export, and counts of searches."""
