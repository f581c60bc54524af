"""What a source wants to exist: pure functions from what is known to manifests."""
