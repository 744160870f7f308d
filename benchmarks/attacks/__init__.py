"""One file for each kind of attack beside its peers; `benchmarks.adversarial` runs all of them."""
