"""Reading objectives written in OpenSLO v1."""

from slo.openslo.reader import parse, parse_all

__all__ = ["parse", "parse_all"]
