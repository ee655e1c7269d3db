"""The page about one place: incidents within a short walk of it, in one month or the newest days, compared with other years."""
