"""The sales manager's pages over the published release. It computes no metric: see README.md."""
