"""What happens to releases under faults that are made to happen: `make reliability`."""
