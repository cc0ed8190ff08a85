"""The hub's API server behind the controllers' and the runtime's ports; the only importer of kubernetes_asyncio."""
