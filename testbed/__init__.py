"""Systems that the suite can start itself: test doubles (named so), the reference bridge, Redis, a real Letta."""
