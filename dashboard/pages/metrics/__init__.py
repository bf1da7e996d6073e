"""What each metric's page shows: one module a metric, named by its slug; without one, `any_metric`."""
