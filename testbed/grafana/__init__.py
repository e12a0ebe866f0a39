"""A double of Grafana's HTTP API, for folders, dashboards and queries; it draws nothing."""
