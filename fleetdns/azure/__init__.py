"""Azure Traffic Manager behind the controllers' port; the only importer of the Azure SDK."""
