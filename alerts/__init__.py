"""Catalogue → recording and alert rules for a Prometheus, and what a person on call does about each."""
