"""Makes a process of a manifest: environment, logs, status, health, metrics, and the run itself."""
