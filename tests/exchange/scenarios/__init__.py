"""The ten scenarios that the decision desk has to pass, each on every path that leads there."""
