"""Cases for `promtool test rules`: of each alert one in which it must fire, be silent before, and end in time."""
