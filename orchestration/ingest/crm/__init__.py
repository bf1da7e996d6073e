"""Sources that are asked over a network: what CRMs have in common. A CRM's own module stands beside."""
