"""Zeven reads a real CRM, Creme CRM on PostgreSQL, and what it says is compared with what Creme says."""
