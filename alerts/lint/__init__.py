"""What is wrong with rules that promtool lets through? Checks by a real parser, and by what is known of the series."""
