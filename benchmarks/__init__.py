"""Measurements that write their own reports; not part of the package that is installed."""
