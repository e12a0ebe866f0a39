"""Catalogue → Grafana dashboards, few and excellent, and the proof that each of their panels shows something."""
