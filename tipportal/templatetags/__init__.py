"""Template tags that need rules of several apps."""
