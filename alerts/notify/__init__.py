"""Settings of notification → the configuration of an Alertmanager: who is told of what, by which channel, and when."""
