"""Azure Traffic Manager as far as its clients can see: a pure core over frozen values, and a thin server around it."""
