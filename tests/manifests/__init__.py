"""The manifests and images: built and checked with the tools that clusters' operators use."""
