"""An embedded Kubernetes API server: pure object machinery below, a store and a thin HTTPS server on top."""
