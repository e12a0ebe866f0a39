"""What can go wrong when objectives are read from production."""


class ProductionError(Exception):
    """Base of both."""


class PrometheusError(ProductionError):
    """The server could not be reached, refused us, or does not answer like a Prometheus."""


class QueryError(ProductionError):
    """A query of the catalogue cannot be asked, or what it gives cannot be counted."""
