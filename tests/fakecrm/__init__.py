"""Made-up CRMs on loopback, with the real ones' addresses, pages, limits and failures."""
