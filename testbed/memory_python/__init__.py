"""A test double of memory-python, the short-term memory that answers when Letta does not."""
