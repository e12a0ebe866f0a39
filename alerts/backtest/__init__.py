"""What would the alerts have said? Incidents from a table, or the history of a Prometheus, played through the rules."""
