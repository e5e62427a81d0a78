"""From a checked graph to torch: source, modules, training, export. The only place that imports torch."""
